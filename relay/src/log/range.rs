//! Which parts of the log a proof consists of. A proof is the hashes of some ranges of leaves, in this order; whoever
//! has the leaves can make it, a range at a time.

/// Leaves `first` to `first + count`: a subtree of the log in the sense of RFC 6962 section 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The first leaf.
    pub first: u64,
    /// How many leaves.
    pub count: u64,
}

impl Range {
    /// The complete subtrees that it consists of, as level and position, from left to right.
    pub fn subtrees(self) -> Vec<(u8, u64)> {
        let (mut first, mut left) = (self.first, self.count);
        let mut subtrees = Vec::new();
        while left > 0 {
            let level = 63 - left.leading_zeros();
            subtrees.push((u8::try_from(level).unwrap_or(u8::MAX), first >> level));
            first += 1 << level;
            left -= 1 << level;
        }
        subtrees
    }
}

/// The inclusion path (RFC 6962 section 2.1.1) of a leaf in a log of `size` leaves, from the leaf to the root. Empty
/// when there is no such leaf.
pub fn inclusion_ranges(leaf: u64, size: u64) -> Vec<Range> {
    let mut path = Vec::new();
    if leaf < size {
        inclusion(leaf, Range { first: 0, count: size }, &mut path);
    }
    path
}

fn inclusion(leaf: u64, within: Range, path: &mut Vec<Range>) {
    let Some((left, right)) = halves(within) else { return };
    if leaf < right.first {
        inclusion(leaf, left, path);
        path.push(right);
    } else {
        inclusion(leaf, right, path);
        path.push(left);
    }
}

/// The consistency proof (RFC 6962 section 2.1.2) between the first `old` leaves and the first `new`. Empty when one of
/// them is the other, or nothing.
pub fn consistency_ranges(old: u64, new: u64) -> Vec<Range> {
    let mut path = Vec::new();
    if 0 < old && old < new {
        consistency(old, Range { first: 0, count: new }, true, &mut path);
    }
    path
}

fn consistency(old: u64, within: Range, is_known: bool, path: &mut Vec<Range>) {
    if old == within.first + within.count {
        if !is_known {
            path.push(within);
        }
        return;
    }
    let Some((left, right)) = halves(within) else { return };
    if old <= right.first {
        consistency(old, left, is_known, path);
        path.push(right);
    } else {
        consistency(old, right, false, path);
        path.push(left);
    }
}

/// Split at the largest power of two below the count.
fn halves(range: Range) -> Option<(Range, Range)> {
    if range.count < 2 {
        return None;
    }
    let split = 1 << (63 - (range.count - 1).leading_zeros());
    let right = Range { first: range.first + split, count: range.count - split };
    Some((Range { first: range.first, count: split }, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u64, count: u64) -> Range {
        Range { first, count }
    }

    #[test]
    fn the_paths_are_those_of_rfc_6962_section_2_1_3() {
        assert_eq!(inclusion_ranges(0, 7), [range(1, 1), range(2, 2), range(4, 3)]);
        assert_eq!(inclusion_ranges(3, 7), [range(2, 1), range(0, 2), range(4, 3)]);
        assert_eq!(inclusion_ranges(4, 7), [range(5, 1), range(6, 1), range(0, 4)]);
        assert_eq!(inclusion_ranges(6, 7), [range(4, 2), range(0, 4)]);
        assert_eq!(consistency_ranges(3, 7), [range(2, 1), range(3, 1), range(0, 2), range(4, 3)]);
        assert_eq!(consistency_ranges(4, 7), [range(4, 3)]);
        assert_eq!(consistency_ranges(6, 7), [range(4, 2), range(6, 1), range(0, 4)]);
    }

    #[test]
    fn there_is_no_path_where_there_is_nothing_to_show() {
        assert_eq!(inclusion_ranges(0, 1), []);
        assert_eq!(inclusion_ranges(7, 7), []);
        assert_eq!(consistency_ranges(0, 7), []);
        assert_eq!(consistency_ranges(7, 7), []);
    }

    #[test]
    fn a_range_falls_into_complete_subtrees() {
        assert_eq!(range(4, 3).subtrees(), [(1, 2), (0, 6)]);
        assert_eq!(range(0, 512).subtrees(), [(9, 0)]);
        assert_eq!(range(512, 300).subtrees(), [(8, 2), (5, 24), (3, 100), (2, 202)]);
    }
}
