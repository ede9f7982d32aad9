//! A ZIP archive of a few small files, stored as they are (PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16). Pure.

/// 1980-01-01, the first day that the format knows.
const DAY: u16 = 1 << 5 | 1;

/// An archive of files, by name; each is smaller than 4 GiB.
pub(super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let at = archive.len() as u32;
        let entry = entry(name, content);
        archive.extend(0x0403_4b50_u32.to_le_bytes());
        archive.extend(&entry);
        archive.extend(name.as_bytes());
        archive.extend(*content);

        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&entry);
        // No comment, the first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, count) = (archive.len() as u32, files.len() as u16);
    archive.extend(&directory);
    archive.extend(0x0605_4b50_u32.to_le_bytes());
    archive.extend([0; 4]);
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

/// What both headers of a file have in common.
fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let size = content.len() as u32;
    let mut entry = Vec::new();
    // Version 2.0, no flags, stored, midnight.
    for field in [20, 0, 0, 0, DAY] {
        entry.extend(field.to_le_bytes());
    }
    for field in [crc.sum(), size, size] {
        entry.extend(field.to_le_bytes());
    }
    entry.extend((name.len() as u16).to_le_bytes());
    entry.extend(0_u16.to_le_bytes());
    entry
}
