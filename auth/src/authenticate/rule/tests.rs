use super::*;

/// A rule as one line of `pg_hba.conf` would have it.
fn rule(line: &str) -> Result<AccessRule, RuleError> {
    let mut words: Vec<&str> = line.split(' ').collect();
    let method = words.pop().unwrap().parse()?;
    let [connection, databases, users, address @ ..] = words.as_slice() else { panic!("{line}") };
    AccessRule::new(
        connection.parse()?,
        databases.split(',').map(str::parse).collect::<Result<_, _>>()?,
        users.split(',').map(str::parse).collect::<Result<_, _>>()?,
        address.first().map(|address| address.parse()).transpose()?,
        method,
    )
}

fn caller<'a>(channel: Channel, address: &str, user: &'a str, database: &'a str) -> Caller<'a> {
    Caller { channel, address: address.parse().ok(), is_same_host: address == "192.0.2.1", database, user }
}

/// ann is a member of staff; nobody else of anything.
fn is_member(user: &str, role: &str) -> bool {
    user == role || (user, role) == ("ann", "staff")
}

#[test]
fn the_first_rule_that_fits_decides() {
    let lines = [
        "local all all trust",
        "host all mallory all reject",
        "hostssl shop +staff 10.0.0.0/8 token",
        "hostnossl all all 0.0.0.0/0 reject",
        "host sameuser,samerole all samehost scram-sha-256",
        "host x,y bob 2001:db8::/33 scram-sha-256",
        "host z all ::/0 scram-sha-256",
    ];
    let rules: Vec<AccessRule> = lines.iter().map(|line| rule(line).unwrap()).collect();
    let decided =
        |channel, address, user, database| decide_access(&rules, &caller(channel, address, user, database), is_member);
    use Channel::{Local, Plain, Tls};
    let scram = Some("scram-sha-256".parse().unwrap());
    assert_eq!(decided(Local, "", "mallory", "shop"), Some(AccessMethod::Trust));
    assert_eq!(decided(Tls, "10.1.2.3", "mallory", "shop"), Some(AccessMethod::Reject));
    assert_eq!(decided(Tls, "10.1.2.3", "ann", "shop"), Some(AccessMethod::Token));
    assert_eq!(decided(Tls, "::ffff:10.1.2.3", "ann", "shop"), Some(AccessMethod::Token));
    assert_eq!(decided(Plain, "10.1.2.3", "ann", "shop"), Some(AccessMethod::Reject));
    assert_eq!(decided(Tls, "11.1.2.3", "ann", "shop"), None);
    assert_eq!(decided(Tls, "10.1.2.3", "bob", "shop"), None);
    assert_eq!(decided(Tls, "192.0.2.1", "bob", "bob"), scram);
    assert_eq!(decided(Tls, "192.0.2.1", "ann", "staff"), scram);
    assert_eq!(decided(Tls, "192.0.2.1", "bob", "staff"), None);
    assert_eq!(decided(Tls, "192.0.2.2", "bob", "bob"), None);
    assert_eq!(decided(Plain, "2001:db8:7fff::1", "bob", "y"), scram);
    assert_eq!(decided(Plain, "2001:db8:8000::1", "bob", "y"), None);
    assert_eq!(decided(Plain, "fe80::1", "bob", "z"), scram);
    assert_eq!(decided(Tls, "10.0.0.1", "bob", "z"), None);
    assert_eq!(decide_access(&[], &caller(Local, "", "ann", "shop"), is_member), None);
}

#[test]
fn networks_hold_their_bits() {
    let fits = |network: &str, address: &str| {
        let rules = [rule(&format!("host all all {network} reject")).unwrap()];
        decide_access(&rules, &caller(Channel::Plain, address, "a", "b"), is_member).is_some()
    };
    assert!(fits("0.0.0.0/0", "255.255.255.255"));
    assert!(fits("10.1.2.3", "10.1.2.3") && !fits("10.1.2.3", "10.1.2.4"));
    assert!(fits("10.1.2.3/24", "10.1.2.9") && !fits("10.1.2.3/24", "10.1.3.3"));
    assert!(fits("10.1.2.128/25", "10.1.2.255") && !fits("10.1.2.128/25", "10.1.2.127"));
    assert!(fits("::1", "::1") && !fits("::1/127", "::2"));
    assert!(fits("::/0", "::") && !fits("::/0", "1.2.3.4") && !fits("0.0.0.0/0", "::1"));
    assert!(fits("all", "::1") && fits("all", "1.2.3.4"));
    // An IPv4 address is the same within IPv6, in rules too.
    assert!(fits("::ffff:10.1.2.3", "10.1.2.3") && fits("::ffff:10.0.0.0/104", "::ffff:10.9.9.9"));
    assert!(!fits("::ffff:10.1.2.3", "10.1.2.4") && !fits("::ffff:10.0.0.0/104", "11.0.0.1"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, message) in [
        ("hostgssenc all all all reject", "\"hostgssenc\" is not a type: local, host, hostssl or hostnossl"),
        ("host all all all md5", "method \"md5\" is not supported: scram-sha-256, oauth, token, trust or reject"),
        ("host replication all all reject", "\"replication\" is not supported"),
        ("host @names all all reject", "\"@names\" is not supported"),
        ("host all /^x all reject", "\"/^x\" is not supported"),
        ("host all + all reject", "a name is empty"),
        ("host all all samenet reject", "\"samenet\" is not supported"),
        (
            "host all all .example.com reject",
            "\".example.com\" is not an address: all, samehost, or an IP address with or without the length of its mask",
        ),
        ("host all all 10.0.0.0/33 reject", "\"10.0.0.0/33\" has a mask that is longer than the address"),
        ("host all all ::/129 reject", "\"::/129\" has a mask that is longer than the address"),
        (
            "host all all 10.0.0.0/+8 reject",
            "\"10.0.0.0/+8\" is not an address: all, samehost, or an IP address with or without the length of its mask",
        ),
        ("local all all all reject", "type local has no address"),
        ("host all all reject", "an address is missing"),
        ("host all all all trust", "method trust is for type local only"),
        ("host all all all token", "methods token and oauth send a secret and need type hostssl"),
        ("local all all oauth", "methods token and oauth send a secret and need type hostssl"),
    ] {
        assert_eq!(rule(line).unwrap_err().to_string(), message, "{line}");
    }
}

#[test]
fn mechanisms_of_sasl_go_together() {
    let method =
        |words: &[&str]| AccessMethod::from_words(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let both = AccessMethod::Sasl(Offer { scram: true, bearer: true, channel_binding: false });
    assert_eq!(method(&["oauth", "scram-sha-256"]), Ok(both));
    assert_eq!(method(&["reject"]), Ok(AccessMethod::Reject));
    assert_eq!(method(&["token", "oauth"]), Err(RuleError::MixedMethods));
    assert_eq!(method(&[]), Err(RuleError::EmptyName));
}
