//! Checks of what others show of their logs. Both follow RFC 9162 sections 2.1.3.2 and 2.1.4.2, which say for RFC 6962's
//! trees step by step what a verifier does.

use certs::signature::Digest;

use super::{PATH_MAX, node_hash};

/// Why a path shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer or shorter than a path between these sizes is.
    #[error("the path has not the length that a log of this size has")]
    Length,
    /// It leads to another root.
    #[error("the path leads to another root: the leaf or the history is not the one that was signed")]
    OtherRoot,
    /// There is no such leaf, or the later log is the smaller one.
    #[error("there is no such leaf, or the later log is the smaller one")]
    OutOfRange,
}

/// Checks that `leaf` is leaf number `number` of the log with `size` leaves and this root.
///
/// # Errors
/// [`PathError`].
pub fn check_inclusion(
    leaf: Digest,
    number: u64,
    size: u64,
    path: &[Digest],
    root: &Digest,
) -> Result<(), PathError> {
    if number >= size {
        return Err(PathError::OutOfRange);
    }
    if path.len() > PATH_MAX {
        return Err(PathError::Length);
    }
    let (mut node, mut last, mut hash) = (number, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(PathError::Length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(PathError::Length);
    }
    if hash == *root { Ok(()) } else { Err(PathError::OtherRoot) }
}

/// Checks that the log with the `old` size and root is the beginning of the one with the `new` size and root.
///
/// # Errors
/// [`PathError`].
pub fn check_consistency(old: (u64, &Digest), new: (u64, &Digest), path: &[Digest]) -> Result<(), PathError> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return Err(PathError::OutOfRange);
    }
    if path.len() > PATH_MAX {
        return Err(PathError::Length);
    }
    if old_size == new_size || old_size == 0 {
        let same = old_size == 0 || old_root == new_root;
        return match (path.is_empty(), same) {
            (true, true) => Ok(()),
            (true, false) => Err(PathError::OtherRoot),
            (false, _) => Err(PathError::Length),
        };
    }
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let mut rest = path.iter();
    let first = if old_size.is_power_of_two() { Some(old_root) } else { rest.next() };
    let first = *first.ok_or(PathError::Length)?;
    let (mut of_old, mut of_new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(PathError::Length);
        }
        if node & 1 == 1 || node == last {
            (of_old, of_new) = (node_hash(sibling, &of_old), node_hash(sibling, &of_new));
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            of_new = node_hash(&of_new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(PathError::Length);
    }
    if of_old == *old_root && of_new == *new_root { Ok(()) } else { Err(PathError::OtherRoot) }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Edge, Range, consistency_ranges, inclusion_ranges, leaf_hash},
        *,
    };

    const SIZE: u64 = 40;

    fn leaf(number: u64) -> [u8; 8] {
        number.to_be_bytes()
    }

    fn root(range: Range) -> Digest {
        let mut edge = Edge::default();
        for number in range.first..range.first + range.count {
            edge.append(&leaf(number));
        }
        edge.root()
    }

    fn root_of(size: u64) -> Digest {
        root(Range { first: 0, count: size })
    }

    fn hashes(ranges: Vec<Range>) -> Vec<Digest> {
        ranges.into_iter().map(root).collect()
    }

    #[test]
    fn every_leaf_of_every_size_is_shown_and_no_other() {
        for size in 1..=SIZE {
            for number in 0..size {
                let path = hashes(inclusion_ranges(number, size));
                let check = |leaf_number: u64, number, size, path: &[Digest]| {
                    check_inclusion(leaf_hash(&leaf(leaf_number)), number, size, path, &root_of(size))
                };
                assert_eq!(check(number, number, size, &path), Ok(()), "{number} of {size}");
                assert!(check(number + 1, number, size, &path).is_err());
                assert!(number + 1 >= size || check(number, number + 1, size, &path).is_err());
                assert!(check(number, number, size + 1, &path).is_err());
                let longer = [path.clone(), vec![root_of(1)]].concat();
                assert_eq!(check(number, number, size, &longer), Err(PathError::Length));
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(check(number, number, size, shorter), Err(PathError::Length));
                }
            }
        }
    }

    #[test]
    fn every_beginning_of_every_size_is_shown_and_no_other_history() {
        let other = leaf_hash(b"other");
        for new in 1..=SIZE {
            for old in 0..=new {
                let path = hashes(consistency_ranges(old, new));
                let (old_root, new_root) = (root_of(old), root_of(new));
                let check = |old_root, new_root, path: &[Digest]| {
                    check_consistency((old, old_root), (new, new_root), path)
                };
                assert_eq!(check(&old_root, &new_root, &path), Ok(()), "{old} of {new}");
                assert!(old == 0 || check(&other, &new_root, &path).is_err());
                assert!(old == 0 || check(&old_root, &other, &path).is_err());
                for place in 0..path.len() {
                    let mut changed = path.clone();
                    changed[place] = other;
                    assert!(check(&old_root, &new_root, &changed).is_err(), "{old} of {new}, {place}");
                }
            }
        }
    }

    #[test]
    fn a_log_does_not_shrink() {
        let roots = (root_of(5), root_of(4));
        assert_eq!(check_consistency((5, &roots.0), (4, &roots.1), &[]), Err(PathError::OutOfRange));
        assert_eq!(check_inclusion(roots.0, 4, 4, &[], &roots.1), Err(PathError::OutOfRange));
    }
}
