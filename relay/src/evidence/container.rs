//! The container of an evidence file: a ZIP archive (APPNOTE 6.3) in one form only, so that every program opens it and no
//! byte of it is free.
//!
//! ```text
//! local header (30 bytes) ‖ name ‖ data            for each entry
//! central header (46 bytes) ‖ name                 for each entry, in the same order
//! end record (22 bytes)
//! ```
//!
//! Stored, version 1.0, no flags but bit 11 (names are UTF-8), 1980-01-01 00:00, no extra fields, no comments, no
//! attributes. All bytes follow from names and data, so whoever reads makes them again and compares.
//! *Against:* bytes between, before and behind the entries, a directory that shows other entries than there are, two
//! entries of one name, archives that swell when they are unpacked.

use std::io::{self, Read, Write};

/// The most bytes of one entry: a group with the largest attachments in it.
pub const ENTRY_BYTES_MAX: usize = 24 << 20;
/// The most entries; more would want another form of the end record.
pub const ENTRIES_MAX: usize = 65_000;
const NAME_BYTES_MAX: usize = 64;

const LOCAL: [u8; 14] = [b'P', b'K', 3, 4, 10, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
const CENTRAL: [u8; 16] = [b'P', b'K', 1, 2, 10, 0, 10, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
const END: [u8; 8] = [b'P', b'K', 5, 6, 0, 0, 0, 0];
const LOCAL_LEN: usize = 30;

/// Why bytes are no container of this form.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The file cannot be read or written.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin as one.
    #[error("this is no evidence file")]
    Foreign,
    /// It ends too early.
    #[error("the file ends in the middle of {what}")]
    Cut {
        /// Of what.
        what: String,
    },
    /// Bytes that this form does not have.
    #[error("the bytes of the container at {what} are not what names and data make")]
    Changed {
        /// Where.
        what: String,
    },
    /// More than may be.
    #[error("{what} is larger than an evidence file may have")]
    TooLarge {
        /// What.
        what: String,
    },
}

/// What the directory says of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    name: String,
    check: u32,
    size: u32,
    offset: u32,
}

/// Writes a container, entry after entry.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    offset: u32,
    listed: Vec<Listed>,
}

impl<W: Write> Writer<W> {
    /// Into this.
    pub fn new(out: W) -> Self {
        Self { out, offset: 0, listed: Vec::new() }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`ContainerError`] when it is too large, or cannot be written.
    pub fn add(&mut self, name: &str, data: &[u8]) -> Result<(), ContainerError> {
        let too_large = || ContainerError::TooLarge { what: name.to_owned() };
        if data.len() > ENTRY_BYTES_MAX || name.len() > NAME_BYTES_MAX || self.listed.len() >= ENTRIES_MAX {
            return Err(too_large());
        }
        let size = u32::try_from(data.len()).map_err(|_| too_large())?;
        let entry = Listed { name: name.to_owned(), check: check_sum(data), size, offset: self.offset };
        let header = entry.local();
        let length = u32::try_from(header.len()).map_err(|_| too_large())?;
        self.offset =
            self.offset.checked_add(size).and_then(|at| at.checked_add(length)).ok_or_else(too_large)?;
        self.out.write_all(&header)?;
        self.out.write_all(data)?;
        self.listed.push(entry);
        Ok(())
    }

    /// Writes the directory and gives back where it was written to.
    ///
    /// # Errors
    /// [`ContainerError::Io`].
    pub fn finish(mut self) -> Result<W, ContainerError> {
        let directory = directory(&self.listed, self.offset);
        self.out.write_all(&directory)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads a container from its first byte to its last and never goes back.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    offset: u32,
    listed: Vec<Listed>,
}

impl<R: Read> Reader<R> {
    /// From this.
    pub fn new(input: R) -> Self {
        Self { input, offset: 0, listed: Vec::new() }
    }

    /// The next entry: its name and its data. `None` once the directory and the end were what they must be.
    ///
    /// # Errors
    /// [`ContainerError`] for any byte that is not what names and data make.
    pub fn next_entry(&mut self) -> Result<Option<(String, Vec<u8>)>, ContainerError> {
        let mut signature = [0; 4];
        let filled = self.fill(&mut signature, "a header");
        let is_first = self.listed.is_empty();
        match filled {
            Err(ContainerError::Cut { .. }) if is_first => return Err(ContainerError::Foreign),
            filled => filled?,
        }
        if signature != LOCAL[..4] && is_first {
            return Err(ContainerError::Foreign);
        }
        if signature != LOCAL[..4] {
            return self.close(&signature).map(|()| None);
        }
        let mut rest = [0; LOCAL_LEN - 4];
        self.fill(&mut rest, "a header")?;
        let word =
            |at: usize| rest.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        let (check, size, lengths) = (word(10), word(14), word(22));
        let changed = || ContainerError::Changed { what: format!("entry {}", self.listed.len() + 1) };
        let size_bytes = usize::try_from(size).map_err(|_| changed())?;
        let name_length = usize::try_from(lengths & 0xffff).map_err(|_| changed())?;
        if size_bytes > ENTRY_BYTES_MAX || name_length > NAME_BYTES_MAX || self.listed.len() >= ENTRIES_MAX {
            return Err(ContainerError::TooLarge { what: format!("entry {}", self.listed.len() + 1) });
        }
        let mut name = vec![0; name_length];
        self.fill(&mut name, "a name")?;
        let name = String::from_utf8(name)
            .map_err(|_| ContainerError::Changed { what: format!("entry {}", self.listed.len() + 1) })?;
        let entry = Listed { name: name.clone(), check, size, offset: self.offset };
        let header = entry.local();
        let mut found = signature.to_vec();
        found.extend_from_slice(&rest);
        found.extend_from_slice(name.as_bytes());
        if header != found || self.listed.iter().any(|before| before.name == name) {
            return Err(ContainerError::Changed { what: format!("the header of {name}") });
        }
        let data = self.data(size_bytes, &name)?;
        if check_sum(&data) != check {
            return Err(ContainerError::Changed { what: name });
        }
        let whole = u32::try_from(header.len() + data.len()).ok();
        self.offset = whole
            .and_then(|length| self.offset.checked_add(length))
            .ok_or_else(|| ContainerError::TooLarge { what: name.clone() })?;
        self.listed.push(entry);
        Ok(Some((name, data)))
    }

    /// Reads as much as there is before it believes a size.
    fn data(&mut self, size: usize, name: &str) -> Result<Vec<u8>, ContainerError> {
        let mut data = Vec::with_capacity(size.min(1 << 20));
        let read = (&mut self.input).take(size as u64).read_to_end(&mut data)?;
        if read == size { Ok(data) } else { Err(ContainerError::Cut { what: name.to_owned() }) }
    }

    fn close(&mut self, begin: &[u8]) -> Result<(), ContainerError> {
        let wanted = directory(&self.listed, self.offset);
        let mut found = begin.to_vec();
        // As many as are wanted, and one more: nothing may follow.
        (&mut self.input).take((wanted.len() - begin.len()) as u64 + 1).read_to_end(&mut found)?;
        if found == wanted {
            Ok(())
        } else {
            Err(ContainerError::Changed { what: "the directory at the end".to_owned() })
        }
    }

    fn fill(&mut self, buffer: &mut [u8], what: &str) -> Result<(), ContainerError> {
        self.input.read_exact(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                ContainerError::Cut { what: what.to_owned() }
            } else {
                error.into()
            }
        })
    }
}

impl Listed {
    fn numbers(&self, into: &mut Vec<u8>) {
        into.extend(self.check.to_le_bytes());
        into.extend(self.size.to_le_bytes());
        into.extend(self.size.to_le_bytes());
        into.extend(u16::try_from(self.name.len()).unwrap_or(u16::MAX).to_le_bytes());
    }

    fn local(&self) -> Vec<u8> {
        let mut bytes = LOCAL.to_vec();
        self.numbers(&mut bytes);
        bytes.extend([0; 2]);
        bytes.extend(self.name.as_bytes());
        bytes
    }

    fn central(&self) -> Vec<u8> {
        let mut bytes = CENTRAL.to_vec();
        self.numbers(&mut bytes);
        bytes.extend([0; 12]);
        bytes.extend(self.offset.to_le_bytes());
        bytes.extend(self.name.as_bytes());
        bytes
    }
}

/// The directory and the end record.
fn directory(listed: &[Listed], offset: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = listed.iter().flat_map(Listed::central).collect();
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let count = u16::try_from(listed.len()).unwrap_or(u16::MAX).to_le_bytes();
    bytes.extend(END);
    bytes.extend(count);
    bytes.extend(count);
    bytes.extend(size.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

/// CRC-32 as ZIP has it (ISO 3309, polynomial 0xEDB88320).
fn check_sum(data: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        let index = (sum ^ u32::from(*byte)) & 0xff;
        TABLE.get(index as usize).copied().unwrap_or_default() ^ (sum >> 8)
    };
    !data.iter().fold(u32::MAX, step)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut value, mut bit) = (index as u32, 0);
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        writer.add("README.txt", "证据".as_bytes()).unwrap();
        writer.add("empty", b"").unwrap();
        writer.add("map/plan.cose", &[7; 300]).unwrap();
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ContainerError> {
        let mut reader = Reader::new(bytes);
        let mut entries = Vec::new();
        while let Some(entry) = reader.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }

    #[test]
    fn the_check_sum_is_the_one_of_zip() {
        assert_eq!(check_sum(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn entries_come_back_in_their_order() {
        let names: Vec<String> = read(&sample()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["README.txt", "empty", "map/plan.cose"]);
    }

    #[test]
    fn any_other_byte_anywhere_and_any_other_length_is_found() {
        let good = sample();
        for index in 0..good.len() {
            for bit in [1, 0x80] {
                let mut bad = good.clone();
                bad[index] ^= bit;
                assert!(read(&bad).is_err(), "byte {index}");
            }
        }
        for length in 0..good.len() {
            assert!(read(&good[..length]).is_err(), "cut at {length}");
        }
        assert!(read(&[good.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn one_name_is_one_entry() {
        let mut writer = Writer::new(Vec::new());
        writer.add("a", b"1").unwrap();
        writer.add("a", b"2").unwrap();
        assert!(read(&writer.finish().unwrap()).is_err());
    }
}
