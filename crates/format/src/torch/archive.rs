//! The form that `torch.save` writes since version 1.6: a zip archive with the pickle in `NAME/data.pkl` and the bytes of
//! each storage in `NAME/data/KEY`.

use super::expand::expand;
use super::node::Storage;
use super::pickle::unpickle;
use super::readable;
use super::value::TorchValue;
use super::zip::Archive;
use crate::FormatError;

pub fn read_archive(bytes: &[u8]) -> Result<TorchValue, FormatError> {
    let archive = Archive::read(bytes)?;
    let name = name(&archive)?;
    let entry = |path: &str| archive.content(&[name, b"/", path.as_bytes()].concat());
    if let Some(order) = entry("byteorder")?
        && order != b"little"
    {
        let reason = format!("byte order `{}` is not supported, only little", readable(order));
        return Err(FormatError::torch(reason));
    }
    let text = entry("data.pkl")?.unwrap_or_default();
    let pickle = unpickle(text)?;
    if pickle.length != text.len() {
        let rest = text.len() - pickle.length;
        return Err(FormatError::torch(format!("{rest} bytes stand behind the pickle")));
    }
    let content = |storage: &Storage| {
        let key = &storage.key;
        let Some(content) = entry(&format!("data/{key}"))? else {
            let reason = format!("storage `{}` is not in the archive", key.escape_debug());
            return Err(FormatError::torch(reason));
        };
        if storage.bytes() != Some(content.len() as u64) {
            let reason = format!(
                "storage `{}` should have {} elements of {}, its entry has {} bytes",
                key.escape_debug(),
                storage.elements,
                storage.element_type,
                content.len()
            );
            return Err(FormatError::torch(reason));
        }
        Ok(content)
    };
    let contents: Result<Vec<&[u8]>, FormatError> = pickle.storages.iter().map(content).collect();
    expand(&pickle, &contents?, bytes.len())
}

/// The folder that everything in the archive is in.
fn name<'a>(archive: &Archive<'a>) -> Result<&'a [u8], FormatError> {
    let in_a_folder = |file: &'static [u8]| {
        archive.names().filter_map(move |name| {
            let folder = name.strip_suffix(file)?.strip_suffix(b"/")?;
            (!folder.contains(&b'/')).then_some(folder)
        })
    };
    if in_a_folder(b"constants.pkl").next().is_some() {
        return Err(FormatError::torch(
            "this is a TorchScript archive (it has constants.pkl), which holds code; expected what torch.save writes of \
             a state dict",
        ));
    }
    let mut names = in_a_folder(b"data.pkl");
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name),
        (None, _) => {
            let first = archive.names().next().map(readable);
            let first = first.map_or("it is empty".to_owned(), |first| {
                format!("its first entry is `{first}`")
            });
            let reason = format!("this zip archive has no NAME/data.pkl, {first}; expected what torch.save writes");
            Err(FormatError::torch(reason))
        }
        (Some(_), Some(_)) => Err(FormatError::torch("this zip archive has several NAME/data.pkl")),
    }
}
