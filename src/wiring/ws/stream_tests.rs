//! What the simulation of streams found, one by one.

use super::*;

/// One person's terminal and browser, three messages, of which the terminal has confirmed two.
fn scene() -> (Memory, PersonId, [Holder; 3], Vec<MessageId>) {
    let (mut store, mut dice) = (Memory::open(), Dice::new(1));
    let people = [sim::id(&mut dice), sim::id(&mut dice)];
    let [terminal, second, browser] =
        [0, 1, 2].map(|at| apps(&mut Dice::new(2), &mut Memory::open(), people)[at].holder);
    let draft = any_draft();
    let now = ServerTime::begin(&mut dice).now();
    let send = |tx: &mut Tx<'_>| (0..3).map(|_| outbox::send(tx, &people[..1], &draft)).collect::<Result<Vec<_>>>();
    let ids = store.write(now, None, send).unwrap();
    store.write(now, None, |tx| outbox::mark_received(tx, &people[0], &terminal.device, 0, 2)).unwrap();
    (store, people[0], [terminal, second, browser], ids)
}

/// What is emitted while the recipe runs.
fn receipts(store: &mut Memory, recipe: impl FnOnce(&mut Tx<'_>) -> Result<()>) -> Vec<MessageId> {
    let (heard, react) = listening();
    store.write(ServerTime::begin(&mut Dice::new(3)).now(), Some(&react), recipe).unwrap();
    let heard = heard.lock();
    heard.iter().map(|(_, _, message)| *message).collect()
}

#[test]
fn a_new_device_that_polls_confirms_what_it_was_given_and_nothing_before() {
    let (mut store, _, [_, second, browser], ids) = scene();
    let now = ServerTime::begin(&mut Dice::new(3)).now();
    for (holder, confirmed) in [(second, &ids[2..]), (browser, &[][..])] {
        let found = match look(store.conn(), holder, &Known::default(), now).unwrap() {
            Some(found) => found,
            None => store.write(now, None, |tx| look_recipe(tx, holder, &Known::default())).unwrap(),
        };
        let ack = |tx: &mut Tx<'_>| polled_recipe(tx, holder, &found.epoch, 3, Some(ids[2]));
        assert_eq!(receipts(&mut store, ack), confirmed);
    }
}

#[test]
fn a_browser_that_comes_back_confirms_nothing_by_its_place() {
    let (mut store, person, [_, _, browser], ids) = scene();
    let epoch = outbox::stream_fetch(store.conn(), &person).unwrap().map(|row| row.epoch);
    let known = Known { epoch, seq: 2, id: Some(ids[1]) };
    let hello = |tx: &mut Tx<'_>| greet_recipe(tx, browser, &known).map(|(_, found)| assert_eq!(found.lost, None));
    assert_eq!(receipts(&mut store, hello), []);
}

#[test]
fn a_place_in_another_history_is_seen_also_when_it_was_trimmed() {
    let (mut store, person, [terminal, ..], ids) = scene();
    let now = ServerTime::begin(&mut Dice::new(3)).now().plus_secs(8 * 86_400);
    while store.write(now, None, outbox::trim).unwrap() > 0 {}
    let row = outbox::stream_fetch(store.conn(), &person).unwrap().unwrap();
    assert_eq!(row.trimmed_seq, 3);
    let mut says = |id| {
        let known = Known { epoch: Some(row.epoch.clone()), seq: 3, id: Some(id) };
        cursor::resume(store.conn(), &row, &known, terminal.browser, now).unwrap().lost
    };
    assert_eq!((says(ids[2]), says(MessageId::new())), (None, Some(Lost::Diverged)));
}
