//! Small recordings made by hand, for the tests of this folder.

/// Units of a second in these files.
pub const SCALE: u32 = 600;
/// 2026-01-01T00:00:00Z as these files count.
pub const NEW_YEAR: u64 = 1_767_225_600 + 2_082_844_800;

pub fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let size = u32::try_from(body.len() + 8).unwrap();
    [size.to_be_bytes().as_slice(), kind, &body].concat()
}

/// The same with its size in eight bytes.
pub fn boxed_wide(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let size = u64::try_from(body.len() + 16).unwrap();
    [1_u32.to_be_bytes().as_slice(), kind, &size.to_be_bytes(), &body].concat()
}

pub fn ftyp() -> Vec<u8> {
    boxed(b"ftyp", &[b"isom\0\0\x02\0isomavc1"])
}

/// Pictures and sound that nobody looks at.
pub fn mdat(bytes: usize) -> Vec<u8> {
    boxed(b"mdat", &[&vec![0xA5; bytes]])
}

/// What a movie says of itself.
#[derive(Clone, Debug)]
pub struct Movie {
    pub created: u64,
    /// In units; the movie's header says so.
    pub units: u64,
    /// Headers of version 1.
    pub wide: bool,
    pub codec: [u8; 4],
    pub sound: bool,
    /// Announces fragments, and how long they are together, if it says so.
    pub fragments: Option<Option<u32>>,
}

impl Default for Movie {
    fn default() -> Self {
        Self { created: NEW_YEAR, units: 90 * 600, wide: false, codec: *b"avc1", sound: true, fragments: None }
    }
}

impl Movie {
    fn times(&self, scale: u32) -> Vec<u8> {
        let units = self.units * u64::from(scale) / u64::from(SCALE);
        if self.wide {
            let words = [self.created.to_be_bytes(), self.created.to_be_bytes()].concat();
            return [b"\x01\0\0\0".as_slice(), &words, &scale.to_be_bytes(), &units.to_be_bytes(), &[0; 80]].concat();
        }
        let created = u32::try_from(self.created).unwrap().to_be_bytes();
        let units = u32::try_from(units).unwrap().to_be_bytes();
        [b"\0\0\0\0".as_slice(), &created, &created, &scale.to_be_bytes(), &units, &[0; 80]].concat()
    }

    fn track(&self, id: u32, handler: &[u8; 4], codec: &[u8; 4], scale: u32) -> Vec<u8> {
        let tkhd = if self.wide {
            boxed(b"tkhd", &[b"\x01\0\0\x07", &[0; 16], &id.to_be_bytes(), &[0; 60]])
        } else {
            boxed(b"tkhd", &[b"\0\0\0\x07", &[0; 8], &id.to_be_bytes(), &[0; 60]])
        };
        let size = [320_u16.to_be_bytes(), 240_u16.to_be_bytes()].concat();
        let entry = boxed(codec, &[&[0; 24], &size, &[0; 40]]);
        let stsd = boxed(b"stsd", &[&[0; 4], &1_u32.to_be_bytes(), &entry]);
        // A table that is not to be read.
        let stsz = boxed(b"stsz", &[&vec![0; 9_000]]);
        let stbl = boxed(b"stbl", &[&stsz, &stsd]);
        let hdlr = boxed(b"hdlr", &[&[0; 8], handler, &[0; 13]]);
        let mdia = boxed(b"mdia", &[&boxed(b"mdhd", &[&self.times(scale)]), &hdlr, &boxed(b"minf", &[&stbl])]);
        boxed(b"trak", &[&tkhd, &mdia])
    }

    pub fn moov(&self) -> Vec<u8> {
        let mut parts = vec![boxed(b"mvhd", &[&self.times(SCALE)]), self.track(1, b"vide", &self.codec, 12_800)];
        if self.sound {
            parts.push(self.track(2, b"soun", b"mp4a", 8_000));
        }
        if let Some(announced) = self.fragments {
            let mut mvex = Vec::new();
            if let Some(units) = announced {
                mvex.extend(boxed(b"mehd", &[&[0; 4], &units.to_be_bytes()]));
            }
            // Ten pictures a second, and 1024 samples of sound in a packet.
            for (id, sample) in [(1_u32, 1_280_u32), (2, 1_024)] {
                mvex.extend(boxed(
                    b"trex",
                    &[&[0; 4], &id.to_be_bytes(), &1_u32.to_be_bytes(), &sample.to_be_bytes(), &[0; 8]],
                ));
            }
            parts.push(boxed(b"mvex", &[&mvex]));
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        boxed(b"moov", &parts)
    }
}

/// A fragment of the picture track: where it begins, and how long its pictures last, if it says so.
pub fn moof(begun: Option<u64>, pictures: u32, lasts: Option<u32>) -> Vec<u8> {
    let mut traf = boxed(b"tfhd", &[b"\0\x02\0\0", &1_u32.to_be_bytes()]);
    if let Some(begun) = begun {
        traf.extend(boxed(b"tfdt", &[b"\x01\0\0\0", &begun.to_be_bytes()]));
    }
    let trun = match lasts {
        None => boxed(b"trun", &[b"\0\0\0\x01", &pictures.to_be_bytes(), &[0; 4]]),
        Some(lasts) => {
            let each = [lasts.to_be_bytes(), 77_u32.to_be_bytes()].concat();
            boxed(b"trun", &[b"\0\0\x03\x01", &pictures.to_be_bytes(), &[0; 4], &each.repeat(pictures as usize)])
        }
    };
    traf.extend(trun);
    boxed(b"moof", &[&boxed(b"mfhd", &[&[0; 8]]), &boxed(b"traf", &[&traf])])
}

/// An index of parts of so many units each, at 1,000 in a second.
pub fn sidx(parts: &[u32]) -> Vec<u8> {
    let count = u16::try_from(parts.len()).unwrap().to_be_bytes();
    let list: Vec<u8> =
        parts.iter().flat_map(|units| [[0, 0, 1, 0], units.to_be_bytes(), [0x90, 0, 0, 0]].concat()).collect();
    boxed(b"sidx", &[&[0; 8], &1_000_u32.to_be_bytes(), &[0; 8], &[0; 2], &count, &list])
}

/// An ordinary film of 90 s: header first, pictures last.
pub fn film() -> Vec<u8> {
    [ftyp(), Movie::default().moov(), mdat(5_000)].concat()
}

/// A recording in fragments of a second of ten pictures.
pub fn fragmented(seconds: u32, announced: Option<u32>) -> Vec<u8> {
    let movie = Movie { units: 0, fragments: Some(announced), ..Movie::default() };
    let mut file = [ftyp(), movie.moov()].concat();
    for second in 0..seconds {
        file.extend(moof(Some(u64::from(second) * 12_800), 10, None));
        file.extend(mdat(300));
    }
    file
}

/// An interview of some seconds of 8 kHz A-law.
pub fn wav(seconds: u32) -> Vec<u8> {
    let bytes = seconds * 8_000;
    let fmt = [6_u16.to_le_bytes().as_slice(), &1_u16.to_le_bytes(), &8_000_u32.to_le_bytes()].concat();
    let fmt = [fmt.as_slice(), &8_000_u32.to_le_bytes(), &1_u16.to_le_bytes(), &8_u16.to_le_bytes()].concat();
    [
        b"RIFF".as_slice(),
        &(bytes + 36).to_le_bytes(),
        b"WAVEfmt ",
        &16_u32.to_le_bytes(),
        &fmt,
        b"data",
        &bytes.to_le_bytes(),
        &vec![0x55; bytes as usize],
    ]
    .concat()
}
