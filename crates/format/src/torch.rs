//! PyTorch checkpoints (`.pth`, `.pt`), read without PyTorch and without running anything.
//!
//! A checkpoint is a pickle, and a pickle is a program. The machine that runs it here ([`pickle`]) has no way to name or
//! call anything but the constructors of tensors and plain containers; whatever else a file mentions is refused by name.
//! From the outside in: [`kind`] tells what the bytes are, [`archive`] over [`zip`] and [`legacy`] are the two forms,
//! [`pickle`] makes nodes, [`expand`] makes the tree of values from them, and [`integrity`] holds a file without
//! checksums to what its parts say of each other.

mod archive;
mod construct;
mod cursor;
mod expand;
mod flip;
mod global;
mod integrity;
mod kind;
mod legacy;
mod limits;
mod literal;
mod names;
mod node;
mod pickle;
mod stack;
mod state_dict;
mod value;
mod zip;
mod zip_end;

pub use state_dict::TorchStateDict;
pub use value::TorchValue;

use crate::FormatError;
use kind::Kind;

/// Which of the two forms of a checkpoint a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TorchForm {
    /// A zip archive, as `torch.save` writes since version 1.6; every entry that is used has a CRC-32.
    Zip,
    /// Pickles and raw storages in a row, as before version 1.6, without a checksum.
    ///
    /// What stands in for one: every storage belongs to a tensor and is filled by it, unless several share it; names
    /// agree with the modules that `_metadata` lists, where there is one and the names were not changed since; and a name
    /// is refused that one flipped bit makes of a name of a kind that is frequent in the file. An honest file that is
    /// refused for its names, or because a slice was saved with all of its storage, can be saved again in the zip form.
    ///
    /// What is not told: a changed value, be it a weight or an epoch; a changed name of which the file has only one of its
    /// kind (`pos_embed`), or a module's without `_metadata`; more than one changed bit in what follows the last dot of a
    /// name (`height` may be meant); the changed name of a dict around a state dict; changed axes of one of several
    /// tensors that share a storage; a type changed to another of the same size.
    Legacy,
}

/// A PyTorch checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct TorchFile {
    /// The form of the file.
    pub form: TorchForm,
    /// What was saved.
    pub root: TorchValue,
}

impl TorchFile {
    /// The named tensors: those under `state_dict`, `state_dict_ema`, `model` or `net`, the first of them that is a dict
    /// with tensors, and otherwise those of the file as a whole.
    ///
    /// # Errors
    /// When there are no tensors with names, or two have the same.
    pub fn state_dict(&self) -> Result<TorchStateDict<'_>, FormatError> {
        TorchStateDict::find(&self.root)
    }
}

/// Reads a PyTorch checkpoint of either form, which it tells by the content.
///
/// Tensors and plain containers come back as values; see [`TypedData`](crate::TypedData) for what becomes of the element types.
/// Nothing in the file is executed.
///
/// # Errors
/// [`FormatError::TorchGlobal`] when the pickle mentions anything but tensors and plain containers, and others when the
/// bytes are not a checkpoint, are cut short, fail a checksum or what stands in for it ([`TorchForm::Legacy`]), describe
/// tensors that leave their storage, or would expand to more than the file can honestly hold.
pub fn read_torch(bytes: &[u8]) -> Result<TorchFile, FormatError> {
    let (form, root) = match kind::kind(bytes) {
        Kind::Zip => (TorchForm::Zip, archive::read_archive(bytes)?),
        Kind::Pickle => (TorchForm::Legacy, legacy::read_legacy(bytes)?),
        Kind::Other(what) => {
            let reason = format!(
                "this seems to be {what}; expected what torch.save writes: a zip archive with NAME/data.pkl, or a pickle \
                 that begins with its magic number"
            );
            return Err(FormatError::torch(reason));
        }
    };
    Ok(TorchFile { form, root })
}

/// Bytes from a file as they can be shown in an error: short, and without control characters.
fn readable(bytes: &[u8]) -> String {
    const LENGTH: usize = 120;
    let shown = bytes.get(..LENGTH).unwrap_or(bytes);
    let text = String::from_utf8_lossy(shown).escape_debug().to_string();
    if shown.len() < bytes.len() { text + "…" } else { text }
}
