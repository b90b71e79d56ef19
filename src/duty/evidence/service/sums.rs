//! SM3 (GB/T 32905) of what is stored, by a job: the house's law asks for it beside SHA-256, nobody waits for it.

use ::sm3::{Digest as _, Sm3};

use super::super::jobs::Args;
use super::super::store;
use crate::platform::blobs::{self, Blobs};
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::disk::{blocking, each_piece};
use crate::platform::jobs::{self, JobRow};
use crate::platform::keys::hex;
use crate::words::error::{Code, Result};

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// The job: hashes the original and notes the sum.
pub async fn sm3(core: &Core, job: &JobRow) -> Result<()> {
    let Args { evidence_id: id, .. } = serde_json::from_str(&job.args)?;
    let row = core.db.read(move |conn| store::evidence_fetch(conn, &id)).await?;
    let blobs = core.part::<Blobs>()?.clone();
    let key = row.sha256.clone();
    let sum = match blocking(move || sum_of(&blobs, &key)).await? {
        Ok(sum) => Some(sum),
        // Lawfully deleted meanwhile.
        Err(error) if error.is(Code::NotFound) && row.gone_at.is_some() => None,
        Err(error) => return Err(error),
    };
    let job = job.clone();
    core.db
        .write(Priority::Background, move |tx| {
            if jobs::finish(tx, &job)?
                && let Some(sum) = &sum
            {
                store::evidence_sm3(tx.conn(), &id, sum)?;
            }
            Ok(())
        })
        .await
}

fn sum_of(blobs: &Blobs, key: &str) -> Result<String> {
    let mut hash = Sm3::new();
    each_piece(&mut blobs.open(key)?, &mut vec![0; PIECE], |bytes| hash.update(bytes)).map_err(blobs::cause)?;
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::keys::sha256_hex;

    /// The two examples of GB/T 32905-2016, appendix A.
    #[tokio::test]
    async fn the_sums_of_the_standard() {
        let folder = std::env::temp_dir().join(format!("suixing-sm3-{}", std::process::id()));
        let blobs = Blobs::new(&folder).unwrap();
        for (text, sum) in [
            ("abc".to_owned(), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
            ("abcd".repeat(16), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
        ] {
            let staged = blobs.staging().join("one");
            std::fs::write(&staged, &text).unwrap();
            let key = sha256_hex(text.as_bytes());
            blobs.take_in(&staged, &key).await.unwrap();
            assert_eq!(sum_of(&blobs, &key).unwrap(), sum);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
