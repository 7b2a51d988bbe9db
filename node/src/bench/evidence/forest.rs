//! All hashes of a growing log, so that any proof can be made from it.

use certs::signature::Digest;
use relay::log::{Range, join, leaf_hash, node_hash};

/// The complete subtrees of each level, from the left.
#[derive(Debug, Default)]
pub(super) struct Forest(Vec<Vec<Digest>>);

impl Forest {
    pub(super) fn size(&self) -> u64 {
        self.0.first().map_or(0, |leaves| leaves.len() as u64)
    }

    pub(super) fn append(&mut self, leaf: &[u8]) -> u64 {
        let (number, mut hash) = (self.size(), leaf_hash(leaf));
        for level in 0.. {
            if self.0.len() <= level {
                self.0.push(Vec::new());
            }
            self.0[level].push(hash);
            let [.., left, right] = self.0[level].as_slice() else { break };
            if self.0[level].len() % 2 == 1 {
                break;
            }
            hash = node_hash(left, right);
        }
        number
    }

    pub(super) fn root(&self, size: u64) -> Digest {
        self.over(Range { first: 0, count: size })
    }

    pub(super) fn roots(&self, ranges: &[Range]) -> Vec<Digest> {
        ranges.iter().map(|range| self.over(*range)).collect()
    }

    fn over(&self, range: Range) -> Digest {
        let place = |(level, position): (u8, u64)| {
            self.0[usize::from(level)][usize::try_from(position).expect("a log in memory is that small")]
        };
        join(&range.subtrees().into_iter().map(place).collect::<Vec<_>>())
    }
}
