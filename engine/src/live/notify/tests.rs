use super::*;

fn sent(channels: &SessionChannels) -> Vec<(String, String)> {
    let messages = channels.take().map(|gathered| gathered.messages).unwrap_or_default();
    let read = |message: &Bytes| {
        let message = Message::decode(message).unwrap();
        (message.channel.to_owned(), String::from_utf8(message.payload.to_vec()).unwrap())
    };
    messages.iter().map(read).collect()
}

fn pair(channel: &str, payload: &str) -> (String, String) {
    (channel.to_owned(), payload.to_owned())
}

#[test]
fn a_message_is_read_as_it_was_written() {
    let encoded = Message::encode(5, -7, "größe", "payload");
    let message = Message { database: 5, process_id: -7, channel: "größe", payload: Bytes::from_static(b"payload") };
    assert_eq!(Message::decode(&encoded), Some(message));
    assert_eq!(Message::decode(&Message::encode(1, 1, "c", "")).unwrap().payload, "");
    for cut in 0..14 {
        assert_eq!(Message::decode(&encoded.slice(..cut)), None, "{cut} bytes");
    }
}

#[test]
fn the_same_is_sent_once_and_the_order_kept() {
    let channels = SessionChannels::default();
    for (channel, payload) in [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1"), ("b", "1")] {
        channels.notify(channel, payload).unwrap();
    }
    assert_eq!(sent(&channels), [pair("a", "1"), pair("b", "1"), pair("a", "2")]);
    assert!(channels.take().is_none());
}

#[test]
fn a_mark_takes_back_what_came_after_it() {
    let channels = SessionChannels::default();
    let beginning = channels.mark();
    channels.notify("a", "1").unwrap();
    let mark = channels.mark();
    channels.notify("a", "2").unwrap();
    channels.act(Action::Listen("a".into()));
    channels.undo_to(mark);
    channels.notify("a", "2").unwrap();
    channels.notify("a", "1").unwrap();
    assert_eq!(channels.mark().actions, 0);
    assert_eq!(sent(&channels), [pair("a", "1"), pair("a", "2")]);
    channels.notify("a", "3").unwrap();
    channels.undo_to(beginning);
    assert_eq!(sent(&channels), []);
}

#[test]
fn limits_are_postgresqls() {
    let channels = SessionChannels::default();
    let refusal = |channel: &str, payload: &str| channels.notify(channel, payload).map_err(|error| error.to_string());
    assert_eq!(refusal("", "x"), Err("channel name cannot be empty".to_owned()));
    assert_eq!(refusal(&"c".repeat(64), "x"), Err("channel name too long".to_owned()));
    assert_eq!(refusal("c", &"x".repeat(8000)), Err("payload string too long".to_owned()));
    assert_eq!(refusal(&"c".repeat(63), &"x".repeat(7999)), Ok(()));
}

#[test]
fn one_transaction_cannot_gather_without_end() {
    let channels = SessionChannels::default();
    let mut gathered = Gathered { bytes: TRANSACTION_BYTES_MAX - Notification::bytes_with(30), ..Gathered::default() };
    gathered.add(Message::encode(0, 0, "c", "0123456789")).unwrap();
    let full = gathered.add(Message::encode(0, 0, "c", "1")).unwrap_err();
    assert_eq!(full.sql_state(), SqlState::PROGRAM_LIMIT_EXCEEDED);
    assert_eq!(channels.queue_usage(), 0.0);
}

#[test]
fn actions_are_done_in_their_order() {
    let channels = SessionChannels::default();
    let heard: Vec<Arc<str>> = vec!["a".into(), "b".into()];
    let after = |actions: &[Action]| {
        actions.iter().for_each(|action| channels.act(action.clone()));
        channels.take().unwrap().heard_after(&heard).join(" ")
    };
    assert_eq!(after(&[Action::Listen("c".into()), Action::Listen("a".into())]), "a b c");
    assert_eq!(after(&[Action::Unlisten("a".into()), Action::Unlisten("x".into())]), "b");
    assert_eq!(after(&[Action::UnlistenAll, Action::Listen("b".into())]), "b");
}
