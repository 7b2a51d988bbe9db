//! Plans, sheets, rule packs and calendars on a link: cut into parts, put together again.
//! *Against:* documents larger than allowed, parts out of order.

use relay::{
    frame::{DocumentFrame, DocumentKind, Frame},
    limits::{DOCUMENT_BYTES_MAX, PART_BYTES_MAX},
};
use serde_bytes::ByteBuf;

use super::stream::StreamError;

/// The frames of one document, in order.
pub fn frames(kind: DocumentKind, document: &[u8]) -> impl Iterator<Item = Frame> + Send {
    let len = document.len() as u64;
    let mut offset = 0;
    document.chunks(PART_BYTES_MAX).map(move |part| {
        let frame = DocumentFrame { kind, len, offset, bytes: ByteBuf::from(part.to_vec()) };
        offset += part.len() as u64;
        Frame::Document(frame)
    })
}

/// Puts one document at a time together.
#[derive(Debug, Default)]
pub struct Assembly {
    kind: Option<DocumentKind>,
    len: usize,
    bytes: Vec<u8>,
}

impl Assembly {
    /// Adds a part; gives the document when it is whole.
    ///
    /// # Errors
    /// [`StreamError::OutOfPlace`] closes the link.
    pub fn add(&mut self, part: DocumentFrame) -> Result<Option<(DocumentKind, Vec<u8>)>, StreamError> {
        let len = usize::try_from(part.len).unwrap_or(usize::MAX);
        if part.offset == 0 {
            if len == 0 || len > DOCUMENT_BYTES_MAX {
                return Err(StreamError::OutOfPlace("a document that is empty or larger than allowed"));
            }
            *self = Self { kind: Some(part.kind), len, bytes: Vec::new() };
        }
        let fits = self.kind == Some(part.kind)
            && self.len == len
            && part.offset == self.bytes.len() as u64
            && !part.bytes.is_empty()
            && self.bytes.len() + part.bytes.len() <= len;
        if !fits {
            return Err(StreamError::OutOfPlace("the parts of a document are out of order"));
        }
        self.bytes.extend_from_slice(&part.bytes);
        if self.bytes.len() < len {
            return Ok(None);
        }
        self.kind = None;
        Ok(Some((part.kind, std::mem::take(&mut self.bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(document: &[u8]) -> Vec<DocumentFrame> {
        frames(DocumentKind::Sheet, document)
            .filter_map(|frame| if let Frame::Document(part) = frame { Some(part) } else { None })
            .collect()
    }

    #[test]
    fn a_document_of_many_parts_comes_together() {
        let document: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut assembly = Assembly::default();
        let mut whole = None;
        for part in parts(&document) {
            whole = assembly.add(part).unwrap();
        }
        assert_eq!(whole, Some((DocumentKind::Sheet, document)));
    }

    #[test]
    fn a_part_twice_or_left_out_is_refused() {
        let document = vec![7; 40_000];
        let parts = parts(&document);
        let mut assembly = Assembly::default();
        assembly.add(parts[0].clone()).unwrap();
        assert!(assembly.add(parts[2].clone()).is_err());
        let mut assembly = Assembly::default();
        assembly.add(parts[0].clone()).unwrap();
        assembly.add(parts[1].clone()).unwrap();
        assert!(assembly.add(parts[1].clone()).is_err());
    }

    #[test]
    fn a_document_beyond_the_limit_is_refused_from_its_first_part() {
        let part = DocumentFrame {
            kind: DocumentKind::Plan,
            len: DOCUMENT_BYTES_MAX as u64 + 1,
            offset: 0,
            bytes: ByteBuf::from(vec![0; 16]),
        };
        assert!(Assembly::default().add(part).is_err());
    }
}
