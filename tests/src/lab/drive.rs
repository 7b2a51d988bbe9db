//! A drive with a volatile write cache, served to the kernel as one file (FUSE): what is written is read back at once,
//! and is on the platters only after a flush. When the power is cut, what was not flushed is gone, or half of its
//! sectors are.
//!
//! Limits of the model: a sector is written whole or not at all; nothing orders what lies between two flushes; only the
//! drive that is told to lie about a flush does.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, UNIX_EPOCH},
};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::{lab, world::chance::Chance};

/// What survives a power cut of what was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Nothing.
    Nothing,
    /// Each sector or not, as chance has it: pages are torn and writes change places.
    AnySectors,
}

/// How a drive behaves until it is told otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manners {
    /// A flush is answered and not done.
    pub flushes_are_lies: bool,
    /// Every write and flush fails.
    pub writes_fail: bool,
    /// So many flushes fail, from the next one on.
    pub failing_flushes: u32,
    /// What a flush takes.
    pub flush_takes: Duration,
}

/// A drive that the kernel sees as the file [`Drive::file`].
pub struct Drive {
    state: Arc<Mutex<State>>,
    written: Arc<Condvar>,
    session: Option<BackgroundSession>,
    place: PathBuf,
}

struct State {
    platters: Vec<u8>,
    current: Vec<u8>,
    cache: Vec<(usize, Vec<u8>)>,
    manners: Manners,
    has_power: bool,
}

const SECTOR: usize = 512;
const FILE: &str = "disk";
const FILE_INODE: INodeNo = INodeNo(2);
const TTL: Duration = Duration::from_secs(1);

impl Drive {
    /// A drive with this content, to be seen under this directory.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn serve(content: Vec<u8>, place: &Path) -> io::Result<Self> {
        fs::create_dir_all(place)?;
        let state = State {
            platters: content.clone(),
            current: content,
            cache: Vec::new(),
            manners: Manners::default(),
            has_power: true,
        };
        let state = Arc::new(Mutex::new(state));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("yichuan-drive".to_owned()), MountOption::RW];
        let written = Arc::new(Condvar::new());
        let served = Served { state: state.clone(), written: written.clone() };
        let session = fuser::spawn_mount(served, place, &config)?;
        Ok(Self { state, written, session: Some(session), place: place.to_owned() })
    }

    /// The file that the drive is.
    pub fn file(&self) -> PathBuf {
        self.place.join(FILE)
    }

    /// Behaves like this from now on.
    pub fn behave(&self, manners: Manners) {
        lock(&self.state).manners = manners;
    }

    /// Puts everything on the platters.
    pub fn settle(&self) {
        lock(&self.state).flush();
    }

    /// Cuts the power: nothing is read or written any more. Waits at most so long for something that is not flushed yet, and cuts
    /// then. Gives what the platters hold, and how many sectors were in the cache.
    pub fn cut(&self, survives: Survives, seed: u64, patience: Duration) -> (Vec<u8>, usize) {
        let mut chance = Chance::new(seed);
        let waits =
            self.written.wait_timeout_while(lock(&self.state), patience, |state| state.cache.is_empty());
        let (mut state, _) = waits.expect("no holder of the drive panics");
        state.has_power = false;
        let mut platters = state.platters.clone();
        let mut sectors = 0;
        for (at, bytes) in &state.cache {
            for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                sectors += 1;
                if survives == Survives::AnySectors && chance.one_in(2) {
                    let at = at + number * SECTOR;
                    platters[at..at + sector.len()].copy_from_slice(sector);
                }
            }
        }
        (platters, sectors)
    }

    /// What the platters hold.
    pub fn platters(&self) -> Vec<u8> {
        lock(&self.state).platters.clone()
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        // Busy while a loop device has not let go: out of the tree now, off the machine with its last user.
        let _ = lab::attempt(&["umount", "-l", &self.place.display().to_string()]);
        drop(self.session.take());
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no holder of the drive panics")
}

impl State {
    fn flush(&mut self) {
        for (at, bytes) in self.cache.drain(..) {
            self.platters[at..at + bytes.len()].copy_from_slice(&bytes);
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), Errno> {
        if !self.has_power || self.manners.writes_fail {
            return Err(Errno::EIO);
        }
        let place = self.current.get_mut(at..at + bytes.len()).ok_or(Errno::ENOSPC)?;
        place.copy_from_slice(bytes);
        self.cache.push((at, bytes.to_vec()));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Errno> {
        if !self.has_power || self.manners.writes_fail {
            return Err(Errno::EIO);
        }
        if self.manners.failing_flushes > 0 {
            self.manners.failing_flushes -= 1;
            return Err(Errno::EIO);
        }
        if !self.manners.flushes_are_lies {
            self.flush();
        }
        Ok(())
    }

    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let is_file = inode == FILE_INODE;
        let size = if is_file { self.current.len() as u64 } else { 0 };
        FileAttr {
            ino: inode,
            size,
            blocks: size / SECTOR as u64,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_file { FileType::RegularFile } else { FileType::Directory },
            perm: if is_file { 0o600 } else { 0o700 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

/// The file system with the one file.
struct Served {
    state: Arc<Mutex<State>>,
    written: Arc<Condvar>,
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == FILE {
            reply.entry(&TTL, &lock(&self.state).attributes(FILE_INODE), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &lock(&self.state).attributes(inode));
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<std::time::SystemTime>,
        _: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        reply.attr(&TTL, &lock(&self.state).attributes(inode));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let state = lock(&self.state);
        if !state.has_power {
            return reply.error(Errno::EIO);
        }
        let from = place(offset).min(state.current.len());
        let to = (from + size as usize).min(state.current.len());
        reply.data(&state.current[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = lock(&self.state).write(place(offset), data);
        self.written.notify_all();
        match written {
            Ok(()) => reply.written(u32::try_from(data.len()).expect("the kernel writes less at once")),
            Err(error) => reply.error(error),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        // The lock is not held meanwhile: power may fail, and words be noted, while a flush is under way.
        let takes = lock(&self.state).manners.flush_takes;
        std::thread::sleep(takes);
        match lock(&self.state).sync() {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("the drive fits into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let content = vec![0; 4 * SECTOR];
        State {
            platters: content.clone(),
            current: content,
            cache: Vec::new(),
            manners: Manners::default(),
            has_power: true,
        }
    }

    fn drive(state: State) -> Drive {
        let place = PathBuf::from("/nowhere/at/all");
        Drive { state: Arc::new(Mutex::new(state)), written: Arc::default(), session: None, place }
    }

    #[test]
    fn what_was_flushed_survives_a_cut_and_what_was_not_is_gone() {
        let mut state = state();
        state.write(0, &[1; SECTOR]).unwrap();
        state.sync().unwrap();
        state.write(SECTOR, &[2; SECTOR]).unwrap();
        let drive = drive(state);
        let (platters, sectors) = drive.cut(Survives::Nothing, 1, Duration::ZERO);
        assert_eq!((platters[0], platters[SECTOR], sectors), (1, 0, 1));
        assert_eq!(lock(&drive.state).write(0, &[3]), Err(Errno::EIO));
        assert_eq!(lock(&drive.state).sync(), Err(Errno::EIO));
    }

    #[test]
    fn a_flush_that_lies_or_fails_puts_nothing_on_the_platters() {
        let mut state = state();
        state.manners.failing_flushes = 1;
        state.write(0, &[1; SECTOR]).unwrap();
        assert_eq!(state.sync(), Err(Errno::EIO));
        state.manners.flushes_are_lies = true;
        state.sync().unwrap();
        assert_eq!(state.platters[0], 0);
    }
}
