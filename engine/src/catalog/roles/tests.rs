//! Roles over a store in memory, against a model of them for each version.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use storage::{Durability, Isolation, StoreOptions};

use super::*;
use crate::catalog::{Catalog, Change, store};

type Model = BTreeMap<u32, Arc<Role>>;
type Changed = (u32, Option<Arc<Role>>);

fn role(oid: u32, name: &str) -> Arc<Role> {
    Arc::new(Role::plain(oid, name))
}

fn a_store() -> Store {
    Store::in_memory(StoreOptions::default())
}

fn of(store: &Store, cache_bytes: usize) -> Roles {
    Roles::from_source(RoleSource::with_bounds(store.clone(), cache_bytes), 1)
}

/// Commits changes, and answers the roles of the next version. `between` runs when the commit is visible in the store
/// and nobody has been told.
async fn commit(store: &Store, roles: &Roles, version: u64, changes: &[Changed], between: impl FnOnce()) -> Roles {
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.begin_command();
    let mut catalog = Catalog { roles: Arc::new(roles.clone()), ..Catalog::default() };
    for (oid, role) in changes {
        let change = Change::Role(*oid, role.clone());
        store::save(&mut transaction, &change, &catalog).unwrap();
        catalog.apply(&change);
    }
    let next = roles.after(version, changes).unwrap();
    transaction.commit(Durability::Sync).await.unwrap();
    between();
    next.settle(&changes.iter().map(|(oid, _)| *oid).collect::<Vec<_>>());
    assert_eq!(*catalog.roles, next, "what a transaction has made is what is committed");
    next
}

fn check(roles: &Roles, model: &Model, names: usize) {
    let live: Vec<Arc<Role>> = model.values().filter(|role| is_there(role)).cloned().collect();
    assert_eq!(roles.values().collect::<Result<Vec<_>>>().unwrap(), live);
    for oid in 1..60 {
        let expected = model.get(&oid);
        assert_eq!(roles.entry(oid).unwrap().as_ref(), expected);
        assert_eq!(roles.get(&oid).as_ref(), expected.filter(|role| is_there(role)));
        assert_eq!(roles.find_dropped(oid).unwrap().as_ref(), expected.filter(|role| !is_there(role)));
        let oids = |holds: &dyn Fn(&Role) -> bool| -> Vec<u32> {
            live.iter().filter(|role| holds(role)).map(|role| role.oid).collect()
        };
        assert_eq!(roles.members_of(oid).unwrap(), oids(&|role| role.member_of.contains(&oid)));
        assert_eq!(roles.admins_of(oid).unwrap(), oids(&|role| role.admin_of.contains(&oid)));
    }
    for number in 0..names {
        let name = format!("name {number}");
        assert_eq!(roles.named(&name), live.iter().find(|role| role.name == name).cloned());
        let dropped = model.values().filter(|role| !is_there(role) && role.name == name).cloned();
        assert_eq!(roles.dropped_named(&name).unwrap(), dropped.collect::<Vec<_>>());
    }
    let until = |time: i64| model.values().filter(move |role| role.deleted_at.is_some_and(|at| at <= time));
    assert_eq!(roles.dropped_until(20).unwrap(), until(20).map(|role| role.oid).collect::<Vec<_>>());
}

/// One change that a definition could make of what there is.
fn step(random: &mut StdRng, model: &mut Model, names: usize, version: u64) -> Option<Changed> {
    let oid = random.random_range(1..60);
    let name = format!("name {}", random.random_range(0..names));
    let is_free = !model.values().any(|role| is_there(role) && role.name == name);
    let changed = match model.get(&oid).map(|role| (**role).clone()) {
        None if is_free => Some(Role::plain(oid, &name)),
        None => return None,
        Some(known) if !is_there(&known) => None,
        Some(known) => match random.random_range(0..4) {
            0 if is_free => Some(Role { name, ..known }),
            1 => {
                let group = random.random_range(1..60);
                let admin_of = if random.random() { vec![group] } else { Vec::new() };
                Some(Role { member_of: vec![group], admin_of, ..known })
            }
            2 => Some(Role { member_of: Vec::new(), admin_of: Vec::new(), deleted_at: Some(version as i64), ..known }),
            _ => Some(Role { comment: Some(format!("of {version}")), ..known }),
        },
    };
    let changed = changed.map(Arc::new);
    match &changed {
        Some(role) => model.insert(oid, role.clone()),
        None => model.remove(&oid),
    };
    Some((oid, changed))
}

#[tokio::test]
async fn every_version_has_its_roles() {
    const NAMES: usize = 40;
    for (seed, cache_bytes) in [(1, 0), (2, 5000), (3, 1 << 20)] {
        let mut random = StdRng::seed_from_u64(seed);
        let store = a_store();
        let mut held = vec![(of(&store, cache_bytes), Model::new())];
        for _ in 0..40 {
            let version = held.len() as u64 + 1;
            let (newest, mut model) = held.last().cloned().unwrap();
            let count = random.random_range(1..12);
            let changes: Vec<Changed> =
                (0..count).filter_map(|_| step(&mut random, &mut model, NAMES, version)).collect();
            // One that fails after it has been prepared.
            if random.random_range(0..4) == 0 {
                newest.after(version, &changes).unwrap();
                check(&newest, &held.last().unwrap().1, NAMES);
                continue;
            }
            let at = random.random_range(0..held.len());
            let next = commit(&store, &newest, version, &changes, || {
                check(&held[at].0, &held[at].1, NAMES);
                check(&newest, &held.last().unwrap().1, NAMES);
            });
            let next = next.await;
            held.push((next, model));
            for (roles, model) in [&held[at], held.last().unwrap()] {
                check(roles, model, NAMES);
            }
        }
        held.iter().for_each(|(roles, model)| check(roles, model, NAMES));
        // What a restart finds.
        check(&of(&store, cache_bytes), &held.last().unwrap().1, NAMES);
    }
}

#[tokio::test]
async fn a_change_is_its_transactions_alone() {
    let store = a_store();
    let before = commit(&store, &of(&store, 5000), 2, &[(7, Some(role(7, "seven")))], || {}).await;
    let mut own = before.clone();
    own.put(8, Some(role(8, "eight")));
    own.put(7, Some(role(7, "new")));
    assert_eq!((before.named("new"), before.named("eight"), before.get(&8)), (None, None, None));
    assert_eq!((own.named("seven"), own.named("new").unwrap().oid, own.named("eight").unwrap().oid), (None, 7, 8));
    own.put(9, Some(role(9, "seven")));
    own.put(8, None);
    assert_eq!((own.named("seven").unwrap().oid, own.named("eight")), (9, None));
    assert_eq!(own.values().map(|role| role.unwrap().oid).collect::<Vec<_>>(), [7, 9]);
    assert_eq!(before, of(&store, 5000));
}

#[tokio::test]
async fn many_roles_take_no_more_memory_than_the_cache_has() {
    const CACHE: usize = 50_000;
    let store = a_store();
    let changes: Vec<Changed> = (1..=10_000).map(|oid| (oid * 3, Some(role(oid * 3, &format!("r{oid}"))))).collect();
    let roles = commit(&store, &of(&store, CACHE), 2, &changes, || {}).await;
    let Committed { source, .. } = roles.committed.clone().unwrap();
    for round in 0..2 {
        for oid in (1..=10_000).step_by(7 + round) {
            assert_eq!(roles.named(&format!("r{oid}")).map(|role| role.oid), Some(oid * 3));
            assert_eq!(roles.get(&(oid * 3)).map(|role| role.name.clone()), Some(format!("r{oid}")));
            assert!(source.cached_bytes() <= CACHE);
        }
    }
    assert!(source.cached_bytes() > CACHE / 2);
    assert_eq!(roles.values().count(), 10_000);
    assert!(roles.values().map(|role| role.unwrap().oid).is_sorted());
    // One that is gone is gone from the cache.
    assert!(roles.get(&300).is_some());
    let next = commit(&store, &roles, 3, &[(300, None)], || {}).await;
    assert_eq!((next.get(&300), next.named("r100")), (None, None));
    assert_eq!(roles.named("r100").map(|role| role.oid), Some(300));
}

#[tokio::test]
async fn whoever_is_behind_all_that_is_remembered_has_the_newest_roles() {
    let store = a_store();
    let old = commit(&store, &of(&store, 5000), 2, &[(1, Some(role(1, "one")))], || {}).await;
    let changes: Vec<Changed> = (10..10_000).map(|oid| (oid, Some(role(oid, &format!("r{oid}"))))).collect();
    let next = commit(&store, &old, 3, &changes, || assert_eq!(old.values().count(), 1)).await;
    let last = commit(&store, &next, 4, &[(1, Some(role(1, "two")))], || {}).await;
    assert_eq!(old, last);
    assert_eq!((old.named("one"), old.named("two").unwrap().oid), (None, 1));
    // The one after that is remembered whole.
    assert_eq!((next.named("one").unwrap().oid, next.named("two")), (1, None));
}

#[tokio::test]
async fn a_store_of_an_older_version_gets_its_marks() {
    let store = a_store();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.begin_command();
    let mut model = Model::new();
    for oid in 1..=9000 {
        let mut one = Role::plain(oid, &format!("name {oid}"));
        one.member_of = (oid > 1).then_some(1).into_iter().collect();
        one.admin_of = (oid % 10 == 5).then_some(1).into_iter().collect();
        one.deleted_at = (oid % 10 == 7).then_some(i64::from(oid));
        transaction.put_entry(&entry::role_key(oid), serde_json::to_vec(&one).unwrap()).unwrap();
        model.insert(oid, Arc::new(one));
    }
    transaction.commit(Durability::Sync).await.unwrap();
    for _ in 0..2 {
        complete_marks(&store).await.unwrap();
        check(&of(&store, 5000), &model, 60);
    }
}
