//! A file of the sample's city that claims a room to have been silent: true of the province, false of the county.

use relay::{
    evidence::{Documents, FileWriter, Heading, Silence, Span, Subject, group::join_path},
    log::Range,
    timestamp::Timestamp,
};

use super::{
    forest::Forest,
    sample::{CITY, MESSAGES, Sample},
};

/// Groups of the sample's log: the span lies between the first head and the last.
const GROUPS: u64 = 3;

impl Sample {
    /// The evidence file; of the leaves of the span one may be left out.
    ///
    /// # Panics
    /// Never: what it makes is well-formed.
    pub fn write_silence(&self, silence: Silence, left_out: Option<usize>) -> Vec<u8> {
        let (mut log, mut leaves) = (Forest::default(), Vec::new());
        for number in 0..GROUPS {
            for receipt in self.messages(number, &self.tick(number)).into_iter().flat_map(|(_, all)| all) {
                log.append(&receipt);
                leaves.push(receipt);
            }
        }
        let sizes = (1..=GROUPS).map(|number| number * 3 * MESSAGES);
        let heads: Vec<(Vec<u8>, Timestamp)> =
            sizes.zip(0..).map(|(size, number)| self.head(&log, size, number)).collect();
        let mut upper = Forest::default();
        heads.iter().for_each(|(bytes, _)| {
            upper.append(bytes);
        });
        let dated = |number| self.dated(&log, &upper, GROUPS, number, &heads);
        let first = 3 * MESSAGES;
        let subtrees = Range { first: 0, count: first }.subtrees().into_iter();
        let ranges: Vec<Range> =
            subtrees.map(|(level, position)| Range { first: position << level, count: 1 << level }).collect();
        let mut leaves: Vec<_> = leaves.into_iter().skip(first as usize).map(Into::into).collect();
        left_out.map(|index| leaves.remove(index));
        let span = Span {
            edge: join_path(&log.roots(&ranges)),
            first: dated(0),
            last: dated(GROUPS - 1),
            ticks: (1..=GROUPS).map(|number| self.tick(number).bytes().to_vec().into()).collect(),
            leaves,
            ..Span::default()
        };
        let newest = relay::checkpoint::Head { root: log.root(log.size()), size: log.size() };
        let documents = Documents {
            as_of: Some((newest, dated(GROUPS - 1))),
            span: Some(span),
            ..self.documents.clone()
        };
        let heading = Heading { subject: Subject::Silence(silence), exporter: CITY, ..self.heading(GROUPS) };
        let file = FileWriter::begin(Vec::new(), heading, &documents).expect("memory takes it");
        file.finish(&self.rooms[1].signing).expect("memory takes it")
    }
}
