//! Volumes of their own for a node's directory: a small one in memory, or ext4 on a [`Drive`].

use std::{
    fs, io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    attempt,
    drive::{Drive, Survives},
    run,
};
use crate::cluster::text;

/// A small volume in memory, gone with the test.
pub struct Small(PathBuf);

impl Small {
    /// Mounts one of so many MiB.
    ///
    /// # Panics
    /// When this user may not.
    pub fn mount(at: &Path, mib: u32) -> Self {
        fs::create_dir_all(at).expect("a mount point can be made");
        run(&["mount", "-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs", text(at)]);
        Self(at.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Fills it until so many KiB are left.
    pub fn fill(&self, leave_kib: u64) {
        let file = fs::File::create(self.0.join("filler")).expect("the filler can be made");
        let free = node::store::reserve::free_space(&self.0).expect("the volume can be asked");
        let block = vec![1; 4096];
        for number in 0..free.saturating_sub(leave_kib * 1024) / 4096 {
            if file.write_all_at(&block, number * 4096).is_err() {
                return;
            }
        }
    }

    /// Takes the filler away.
    pub fn empty(&self) {
        fs::remove_file(self.0.join("filler")).expect("the filler is there");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Busy until its node has gone: taken out of the tree now, off the machine with the last file.
        let _ = attempt(&["umount", "-l", text(&self.0)]);
    }
}

/// What [`Disk`] needs of the machine.
pub const DISK_NEEDS: [&str; 4] = ["/dev/fuse", "/dev/loop-control", "mkfs.ext4", "losetup"];

/// ext4 on a [`Drive`], through a loop device.
pub struct Disk {
    drive: Option<Drive>,
    place: PathBuf,
    served: u32,
}

/// A node's database, its log of up to 16 MiB and the reserve, with room for some ten thousand messages.
const DISK_BYTES: u64 = 160 * 1024 * 1024;

impl Disk {
    /// Formats a drive and mounts it somewhere under this directory.
    pub fn format(place: &Path) -> Self {
        fs::create_dir_all(place.join("mounted")).expect("a mount point can be made");
        let image = place.join("image");
        let file = fs::File::create(&image).expect("an image can be made");
        file.set_len(DISK_BYTES).expect("an image can be sparse");
        drop(file);
        let lazy = "nodiscard,lazy_itable_init=0,lazy_journal_init=0";
        run(&["mkfs.ext4", "-q", "-F", "-E", lazy, text(&image)]);
        let content = fs::read(&image).expect("the image can be read");
        fs::remove_file(&image).expect("the image is there");
        let mut disk = Self { drive: None, place: place.to_owned(), served: 0 };
        disk.mount(content).unwrap_or_else(|error| panic!("a fresh file system is mounted: {error}"));
        disk
    }

    /// The root of its file system.
    pub fn path(&self) -> PathBuf {
        self.place.join("mounted")
    }

    /// The drive under it.
    pub fn drive(&self) -> &Drive {
        self.drive.as_ref().expect("a drive is there from one mount to the next")
    }

    fn mount(&mut self, content: Vec<u8>) -> Result<(), String> {
        self.served += 1;
        let failed = |error: io::Error| error.to_string();
        let drive = Drive::serve(content, &self.place.join(format!("drive-{}", self.served)));
        let drive = self.drive.insert(drive.map_err(failed)?);
        attempt(&["mount", "-t", "ext4", "-o", "loop", text(&drive.file()), text(&self.path())]).map(|_| ())
    }

    /// Cuts the power, see [`Drive::cut`]. Gives what the platters hold; the file system is still in the tree, and dead.
    pub fn cut(&self, survives: Survives, seed: u64, patience: Duration) -> (Vec<u8>, usize) {
        self.drive().cut(survives, seed, patience)
    }

    /// Takes the dead file system away, once nobody uses it, and mounts what the platters hold: ext4 replays its journal.
    ///
    /// # Errors
    /// When that is no file system any more.
    pub fn power_on(&mut self, platters: Vec<u8>) -> Result<(), String> {
        self.unmount();
        self.mount(platters)
    }

    fn unmount(&mut self) {
        if attempt(&["umount", text(&self.path())]).is_err() {
            let _ = attempt(&["umount", "-l", text(&self.path())]);
        }
        self.drive = None;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}
