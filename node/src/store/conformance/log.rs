//! The log: its edge and every proof from it are found again, whatever the batches; ticks, heads and links too.

use certs::signature::{SimulationSigner, digest};
use relay::{
    checkpoint::{Anchor, Head},
    log::{Edge, Range, check_inclusion, empty_root, inclusion_ranges, leaf_hash},
    step::{DatedCheckpoint, HeldHead, LeafKind, LinkState, Write},
    tick::VerifiedTick,
    timestamp::Timestamp,
};

use super::{
    super::Store,
    commit, refused,
    sample::{ME, NEXT, SOURCE},
};

/// More than one kept subtree, and a rest.
const LEAVES: u64 = 700;

fn leaf(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Appends in batches of different sizes.
async fn append<S: Store>(store: &mut S) -> Edge {
    let mut edge = Edge::default();
    for number in 0..LEAVES {
        edge.append(&leaf(number));
        if number % 37 == 0 || number > LEAVES - 5 {
            commit(store, edge.take_run().map(Write::Log).into_iter().collect()).await;
        }
    }
    edge
}

pub(super) async fn the_log_goes_on_where_it_stopped<S: Store>(mut store: S) {
    let edge = append(&mut store).await;
    let loaded = store.load().await.expect("the state is loaded").log;
    assert_eq!((loaded.size(), loaded.root()), (LEAVES, edge.root()));
    for number in [0, 1, 255, 256, 511, 512, 613, LEAVES - 1] {
        let path = store.log_roots(inclusion_ranges(number, LEAVES)).await.expect("a path is read");
        check_inclusion(leaf_hash(&leaf(number)), number, LEAVES, &path, &edge.root())
            .expect("it leads to the root");
    }
    let whole = store.log_roots(vec![Range { first: 0, count: LEAVES }, Range { first: 0, count: 0 }]).await;
    assert_eq!(whole.expect("roots are read"), [edge.root(), empty_root()]);
    let beyond = store.log_roots(vec![Range { first: 0, count: LEAVES + 1 }]).await;
    assert!(beyond.is_err(), "there is no root beyond the end");
    let again = Edge::default();
    let run = relay::log::Run { first: 0, leaves: vec![again.root()], subtrees: Vec::new() };
    refused(&mut store, vec![Write::Log(run)]).await;
}

pub(super) async fn ticks_heads_and_links_are_found_again<S: Store>(mut store: S) {
    let signer = SimulationSigner::new(NEXT);
    let ticks = [5, 7].map(|at| VerifiedTick::sign(Timestamp::from_ms(at), "sample", &signer));
    let head = Head { root: digest(b"root"), size: 9 };
    let held = HeldHead { leaf: 4, size: 3, root: digest(b"child"), bytes: b"checkpoint"[..].into() };
    let dated = DatedCheckpoint {
        size: 9,
        at: Timestamp::from_ms(8),
        bytes: b"ours"[..].into(),
        anchor: Anchor::default(),
    };
    let down = LinkState::Down { at: Timestamp::from_ms(6), tick: Some(ticks[0].name()) };
    commit(&mut store, ticks.iter().map(|tick| Write::Tick { tick: tick.clone(), cited: false }).collect())
        .await;
    commit(
        &mut store,
        vec![
            Write::TickCited(ticks[0].name()),
            Write::Leaf { leaf: 4, kind: LeafKind::Head, bytes: held.bytes.clone() },
            Write::HeldHead { room: SOURCE, held: held.clone() },
            Write::HistoryBreak {
                room: SOURCE,
                is_declared: true,
                held: held.bytes.clone(),
                shown: held.bytes.clone(),
            },
            Write::Checkpoint { head, bytes: dated.bytes.clone() },
            Write::Dated(dated.clone()),
            Write::LinkState { neighbour: NEXT, state: LinkState::Up },
            Write::LinkState { neighbour: ME, state: down },
        ],
    )
    .await;
    let loaded = store.load().await.expect("the state is loaded");
    assert_eq!(loaded.tick, Some((ticks[1].name(), ticks[1].bytes().clone())), "the newest");
    assert_eq!(store.tick(ticks[0].name()).await.expect("a tick is read").as_ref(), Some(ticks[0].bytes()));
    assert_eq!(loaded.checkpoint, Some((head, dated.bytes.clone())));
    assert_eq!(loaded.dated, Some(dated));
    assert_eq!(loaded.heads, [(SOURCE, held)].into());
    assert_eq!(loaded.links, [(NEXT, LinkState::Up), (ME, down)].into());
}
