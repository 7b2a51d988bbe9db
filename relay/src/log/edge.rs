//! The right edge of the log: what is needed to append and to know the root, and no more.

use certs::signature::Digest;

use super::{KEPT_LEVEL_MIN, empty_root, leaf_hash, node_hash};

/// The complete subtrees of a log from left to right, largest first: one for each bit of its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    subtrees: Vec<Digest>,
    run: Run,
}

/// What was appended since it was last taken: one row of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// Number of the first leaf.
    pub first: u64,
    /// Hashes of the leaves, one after the other.
    pub leaves: Vec<Digest>,
    /// Complete subtrees of [`KEPT_LEVEL_MIN`] and above.
    pub subtrees: Vec<Subtree>,
}

/// A complete subtree: leaves `position << level` to `(position + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subtree {
    /// The logarithm of its number of leaves.
    pub level: u8,
    /// Which one of its level, from the left.
    pub position: u64,
    /// Its root.
    pub hash: Digest,
}

/// The Merkle root over leaves with these hashes.
pub fn root_of(leaves: impl IntoIterator<Item = Digest>) -> Digest {
    let mut edge = Edge::default();
    for leaf in leaves {
        edge.append_hash(leaf);
    }
    edge.root()
}

impl Edge {
    /// The edge of a log of `size` leaves. `None` unless there is one subtree for each bit of the size.
    pub fn resume(size: u64, subtrees: Vec<Digest>) -> Option<Self> {
        let whole = subtrees.len() == size.count_ones() as usize;
        whole.then(|| Self { size, subtrees, run: Run { first: size, ..Run::default() } })
    }

    /// Number of leaves, and so the number of the next one.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The complete subtrees, largest first.
    pub fn subtrees(&self) -> &[Digest] {
        &self.subtrees
    }

    /// The Merkle root over all leaves.
    pub fn root(&self) -> Digest {
        join(&self.subtrees)
    }

    /// Appends a leaf and gives its number.
    pub fn append(&mut self, leaf: &[u8]) -> u64 {
        self.append_hash(leaf_hash(leaf))
    }

    /// Appends a leaf of which only the hash is known, and gives its number.
    pub fn append_hash(&mut self, mut hash: Digest) -> u64 {
        let number = self.size;
        self.run.leaves.push(hash);
        let mut level = 0;
        while (number >> level) & 1 == 1 {
            let Some(left) = self.subtrees.pop() else { break };
            hash = node_hash(&left, &hash);
            level += 1;
            if level >= KEPT_LEVEL_MIN {
                self.run.subtrees.push(Subtree { level, position: number >> level, hash });
            }
        }
        self.subtrees.push(hash);
        self.size = number.saturating_add(1);
        number
    }

    /// What was appended since the last time, to be stored; none when nothing was.
    pub fn take_run(&mut self) -> Option<Run> {
        let next = Run { first: self.size, ..Run::default() };
        let run = std::mem::replace(&mut self.run, next);
        (!run.leaves.is_empty()).then_some(run)
    }
}

/// The root over subtrees that follow each other, each larger than the next.
pub fn join(subtrees: &[Digest]) -> Digest {
    let mut right_to_left = subtrees.iter().rev();
    let Some(last) = right_to_left.next() else { return empty_root() };
    right_to_left.fold(*last, |right, left| node_hash(left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight leaves and the roots of the reference implementation of RFC 6962.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_rfc_6962() {
        let mut edge = Edge::default();
        assert_eq!(edge.root().to_string(), ROOTS[0]);
        for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            edge.append(leaf);
            assert_eq!(edge.root().to_string(), *root);
        }
    }

    #[test]
    fn an_edge_goes_on_from_what_was_stored() {
        let mut whole = Edge::default();
        for number in 0..700_u32 {
            whole.append(&number.to_be_bytes());
        }
        let mut resumed = Edge::resume(whole.size(), whole.subtrees().to_vec()).unwrap();
        whole.append(b"next");
        assert_eq!(resumed.append(b"next"), 700);
        assert_eq!(resumed.root(), whole.root());
        assert_eq!(Edge::resume(3, vec![empty_root()]), None);
    }

    #[test]
    fn a_run_has_what_was_appended_and_the_large_subtrees_that_it_completed() {
        let mut edge = Edge::default();
        assert_eq!(edge.take_run(), None);
        for number in 0..513_u32 {
            edge.append(&number.to_be_bytes());
        }
        let run = edge.take_run().unwrap();
        assert_eq!((run.first, run.leaves.len()), (0, 513));
        let places: Vec<(u8, u64)> =
            run.subtrees.iter().map(|subtree| (subtree.level, subtree.position)).collect();
        assert_eq!(places, [(8, 0), (8, 1), (9, 0)]);
        assert_eq!(run.subtrees[2].hash, edge.subtrees()[0]);
        edge.append(b"next");
        assert_eq!(edge.take_run().unwrap().first, 513);
        assert_eq!(edge.take_run(), None);
    }
}
