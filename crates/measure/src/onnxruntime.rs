use std::ffi::CStr;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::value::{TensorRef, ValueType};
use panarch_format::{FileKind, open_file};

use crate::discovery::{Candidates, VARIABLE, candidates};
use crate::runtime::check_images;
use crate::{MeasureError, Runtime, Session};

/// Largest library that is loaded, in bytes.
const LARGEST: u64 = 4 << 30;
/// How to get the library.
const HELP: &str = "get it with `pip install onnxruntime` and, if it is not found then, set ORT_DYLIB_PATH to the path of \
                    libonnxruntime.so.* in the package's folder onnxruntime/capi";

/// Microsoft's ONNX Runtime, from a library found on this machine. Faster than rten; never required.
///
/// A process can have one library of it. The first one found is kept, and so is the reason when none could be used.
#[derive(Debug)]
pub struct OnnxRuntime {
    threads: u32,
    loaded: &'static Loaded,
}

/// The library as this process has it.
#[derive(Debug)]
struct Loaded {
    environment: Environment,
    library: PathBuf,
    version: String,
}

/// Why there is no library; kept to be told again.
#[derive(Debug)]
enum Absent {
    Missing(String),
    Broken(PathBuf, String),
}

impl OnnxRuntime {
    /// Its name in profiles and provenance.
    pub const NAME: &'static str = "onnxruntime";

    /// Finds and loads the library: the one that `ORT_DYLIB_PATH` names, else the first that works in the dynamic
    /// linker's folders and in Python installations.
    ///
    /// # Errors
    /// When there is none, with how to get it, or when the one that there is cannot be used.
    pub fn find(threads: u32) -> Result<Self, MeasureError> {
        static LOADED: OnceLock<Result<Loaded, Absent>> = OnceLock::new();
        match LOADED.get_or_init(find) {
            Ok(loaded) => Ok(Self {
                threads: threads.max(1),
                loaded,
            }),
            Err(Absent::Missing(help)) => Err(MeasureError::RuntimeMissing {
                runtime: Self::NAME.to_owned(),
                help: help.clone(),
            }),
            Err(Absent::Broken(library, reason)) => Err(MeasureError::RuntimeBroken {
                runtime: Self::NAME.to_owned(),
                library: library.clone(),
                reason: reason.clone(),
            }),
        }
    }

    /// The library's path.
    #[must_use]
    pub fn library(&self) -> &Path {
        &self.loaded.library
    }
}

fn find() -> Result<Loaded, Absent> {
    match candidates() {
        Candidates::Named(library) => load(&library)
            .map_err(|reason| Absent::Broken(library, format!("{reason}; {VARIABLE} names it: correct or unset it"))),
        Candidates::Found(libraries) => {
            let mut first = None;
            for library in libraries {
                match load(&library) {
                    Ok(loaded) => return Ok(loaded),
                    Err(reason) => {
                        first.get_or_insert(Absent::Broken(library, format!("{reason}; {HELP}")));
                    }
                }
            }
            Err(first.unwrap_or_else(|| Absent::Missing(HELP.to_owned())))
        }
    }
}

/// Loads a library into the process. What is no shared library or does not answer as ONNX Runtime does is refused before
/// the binding takes it, since that can only be done once; a library that crashes while it is loaded takes the process
/// with it.
fn load(library: &Path) -> Result<Loaded, String> {
    let library = library.canonicalize().map_err(|error| error.to_string())?;
    check_is_library(&library)?;
    let version = stated_version(&library)?;
    if minor_version(&version).is_none_or(|minor| minor < ort::MINOR_VERSION) {
        return Err(format!(
            "it is version {version}, needed is 1.{} or newer",
            ort::MINOR_VERSION
        ));
    }
    let environment = catch_unwind(AssertUnwindSafe(|| {
        let builder = ort::init_from(&library).map_err(|error| error.to_string())?;
        let environment = builder
            .with_name("panarch")
            .with_telemetry(false)
            .build()
            .map_err(|error| error.to_string())?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        Ok::<_, String>(environment)
    }));
    let environment = environment.unwrap_or_else(|_| Err("it does not answer as ONNX Runtime does".to_owned()))?;
    Ok(Loaded {
        environment,
        library,
        version,
    })
}

/// Asks a library for its version.
fn stated_version(library: &Path) -> Result<String, String> {
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    // SAFETY: the file is a shared library; loading runs its initialisers, which the caller asked for by installing it.
    let loaded = unsafe { libloading::Library::new(library) }.map_err(|error| error.to_string())?;
    // SAFETY: the symbol has this signature in every release of ONNX Runtime, and no other library exports it.
    let base = unsafe { loaded.get::<GetApiBase>(b"OrtGetApiBase\0") }
        .map_err(|_| "it is not ONNX Runtime: it does not export OrtGetApiBase".to_owned())?;
    // SAFETY: as above; the function takes nothing and returns a static table or null.
    let table = unsafe { base().as_ref() }.ok_or_else(|| "it returns no table of functions".to_owned())?;
    // SAFETY: the function returns a static text that ends in zero, or null, which is checked.
    let text = unsafe {
        let text = (table.GetVersionString)();
        if text.is_null() {
            None
        } else {
            Some(CStr::from_ptr(text))
        }
    };
    // The binding keeps the library for good; closing it here and opening it again would run its initialisers twice.
    let version = text.and_then(|text| text.to_str().ok()).map(str::to_owned);
    std::mem::forget(loaded);
    version.ok_or_else(|| "it states no version".to_owned())
}

/// The second number of a version.
fn minor_version(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

/// The first bytes of a shared library: ELF, Mach-O, or Windows.
fn check_is_library(library: &Path) -> Result<(), String> {
    let mut magic = Vec::new();
    let file = open_file(library, FileKind::new("shared library", LARGEST)).map_err(|error| error.to_string())?;
    file.take(4)
        .read_to_end(&mut magic)
        .map_err(|error| error.to_string())?;
    let known = magic.starts_with(b"\x7fELF")
        || magic.starts_with(b"MZ")
        || [[0xcf, 0xfa, 0xed, 0xfe], [0xca, 0xfe, 0xba, 0xbe]]
            .iter()
            .any(|known| magic == known);
    if known {
        Ok(())
    } else {
        Err("it is not a shared library".to_owned())
    }
}

impl Runtime for OnnxRuntime {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn version(&self) -> &str {
        &self.loaded.version
    }

    fn threads(&self) -> u32 {
        self.threads
    }

    fn load(&self, onnx: &[u8]) -> Result<Box<dyn Session>, MeasureError> {
        let refuse = |reason: String| MeasureError::Load {
            runtime: Self::NAME.to_owned(),
            reason,
        };
        let session = self.session(onnx).map_err(|error| refuse(error.to_string()))?;
        let axes = match session.inputs().first().map(ort::value::Outlet::dtype) {
            Some(ValueType::Tensor { shape, .. }) => shape.to_vec(),
            _ => Vec::new(),
        };
        let image: Option<Vec<usize>> = axes
            .iter()
            .skip(1)
            .map(|axis| usize::try_from(*axis).ok().filter(|axis| *axis > 0))
            .collect();
        match image.as_deref() {
            Some(&[channels, height, width]) => Ok(Box::new(OnnxRuntimeSession {
                session,
                image: [channels, height, width],
            })),
            _ => Err(refuse(format!(
                "the input has axes {axes:?}, not [batch, channels, height, width]"
            ))),
        }
    }
}

impl OnnxRuntime {
    fn session(&self, onnx: &[u8]) -> ort::Result<ort::session::Session> {
        ort::session::Session::builder(&self.loaded.environment)?
            .with_intra_threads(self.threads as usize)?
            .with_inter_threads(1)?
            .commit_from_memory(onnx)
    }
}

struct OnnxRuntimeSession {
    session: ort::session::Session,
    image: [usize; 3],
}

impl Session for OnnxRuntimeSession {
    fn run(&mut self, images: &[f32], batch: usize) -> Result<Vec<f32>, MeasureError> {
        check_images(images, batch, self.image)?;
        let fail = |error: ort::Error| MeasureError::Run {
            runtime: OnnxRuntime::NAME.to_owned(),
            reason: error.to_string(),
        };
        let [channels, height, width] = self.image;
        let input = TensorRef::from_array_view(([batch, channels, height, width], images)).map_err(fail)?;
        let names = self.outputs();
        let outputs = self.session.run(ort::inputs![input]).map_err(fail)?;
        let mut results = Vec::new();
        for name in &names {
            let output = outputs.get(name).ok_or_else(|| MeasureError::Run {
                runtime: OnnxRuntime::NAME.to_owned(),
                reason: format!("it gives no result `{name}`"),
            })?;
            let (_, values) = output.try_extract_tensor::<f32>().map_err(fail)?;
            results.extend_from_slice(values);
        }
        Ok(results)
    }

    fn outputs(&self) -> Vec<String> {
        let outputs = self.session.outputs().iter();
        outputs.map(|output| output.name().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_library_is_refused_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("libonnxruntime.so");
        std::fs::write(&text, "INPUT(-lonnxruntime)").unwrap();
        assert!(load(&text).unwrap_err().contains("not a shared library"));
        let cut = folder.path().join("libonnxruntime.so.1.2.3");
        std::fs::write(&cut, b"\x7fELF\x02\x01\x01").unwrap();
        assert!(!load(&cut).unwrap_err().is_empty());
        assert!(!load(&folder.path().join("absent.so")).unwrap_err().is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_library_is_refused() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let Some(libc) = maps
            .lines()
            .filter_map(|line| line.split_whitespace().last())
            .find(|path| path.contains("/libc.so"))
        else {
            println!("skipped: this test is not linked to a shared C library");
            return;
        };
        assert!(load(Path::new(libc)).unwrap_err().contains("OrtGetApiBase"));
    }

    #[test]
    fn versions() {
        assert_eq!(minor_version("1.31.1"), Some(31));
        assert_eq!(minor_version("1"), None);
    }
}
