//! The configuration, and where each value of it comes from.
//!
//! ```text
//!   built in < file (TOML) < SIDELIGHT_EDGE_* < flags
//! ```

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyre::{Context, Result, bail, eyre};
use figment::{
    Figment, Source,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};
use sidelight_edge::onnxruntime::cache_folder;

/// Prefix of environment variables.
const PREFIX: &str = "SIDELIGHT_EDGE_";
/// Every field of [`Config`], in the order in which they are printed.
const FIELDS: [&str; 9] = [
    "data",
    "models",
    "onnxruntime",
    "backend",
    "memory_mib",
    "time_s",
    "record",
    "metrics_file",
    "log",
];

/// Which back end runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Choice {
    /// ONNX Runtime where its library is, else the pinned engine.
    Auto,
    /// The pinned engine: the same bits on every device.
    Pinned,
    /// ONNX Runtime: fast, and exact for some models only.
    Onnxruntime,
}

/// What the program goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Records, the device's key, models that were pulled.
    pub(crate) data: PathBuf,
    /// A folder of manifests with their models.
    pub(crate) models: Option<PathBuf>,
    /// ONNX Runtime's library; looked for where it is not named.
    pub(crate) onnxruntime: Option<PathBuf>,
    pub(crate) backend: Choice,
    /// Memory of the process that runs models.
    pub(crate) memory_mib: u64,
    /// Seconds for loading a model, or for one run.
    pub(crate) time_s: u64,
    /// Whether runs are recorded.
    pub(crate) record: bool,
    /// Where metrics are written after each run, for node_exporter's textfile collector.
    pub(crate) metrics_file: Option<PathBuf>,
    pub(crate) log: String,
}

impl Default for Config {
    fn default() -> Self {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        Self {
            data: data
                .or_else(home)
                .unwrap_or_default()
                .join("sidelight-edge"),
            models: None,
            onnxruntime: None,
            backend: Choice::Auto,
            memory_mib: 1024,
            time_s: 30,
            record: true,
            metrics_file: None,
            log: "warn".into(),
        }
    }
}

/// Flags that are values of the configuration.
#[derive(Clone, Debug, Default, Serialize, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct Flags {
    /// The configuration's file; by default ~/.config/sidelight/edge.toml, if it is there.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "SIDELIGHT_EDGE_CONFIG"
    )]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Where records, the device's key and pulled models are.
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// A folder of manifests with their models.
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<PathBuf>,
    /// ONNX Runtime's shared library.
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) onnxruntime: Option<PathBuf>,
    /// What runs models.
    #[arg(long, global = true, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backend: Option<Choice>,
    /// Memory of the process that runs models, in MiB.
    #[arg(long, global = true, value_name = "MIB")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_mib: Option<u64>,
    /// Seconds for loading a model, or for one run.
    #[arg(long, global = true, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_s: Option<u64>,
    /// Whether runs are recorded.
    #[arg(long, global = true, value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<bool>,
    /// Where Prometheus metrics are written after each run.
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics_file: Option<PathBuf>,
    /// What to log: error, warn, info, debug, trace.
    #[arg(long, global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
}

/// The configuration with its sources.
pub(crate) struct Loaded(Figment);

/// Reads every source. A file that is named must be there.
pub(crate) fn load(flags: &Flags) -> Result<Loaded> {
    let file = match &flags.config {
        Some(file) if !file.is_file() => {
            bail!("--config {}: there is no such file", file.display())
        }
        Some(file) => Some(file.clone()),
        None => default_file().filter(|file| file.is_file()),
    };
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    // The variable that names the file is none of its values.
    let env = Env::prefixed(PREFIX).ignore(&["config"]);
    Ok(Loaded(figment.merge(env).merge(Serialized::globals(flags))))
}

impl Loaded {
    /// The values, if each of them can be what it says.
    pub(crate) fn config(&self) -> Result<Config> {
        let config: Config = self.0.extract().map_err(|error| {
            let text: Vec<String> = error.into_iter().map(|error| error.to_string()).collect();
            eyre!("configuration: {}", text.join("; "))
        })?;
        let ranges = [
            ("memory_mib", config.memory_mib, 64..=65_536),
            ("time_s", config.time_s, 1..=3_600),
        ];
        for (name, got, range) in ranges {
            if !range.contains(&got) {
                bail!(
                    "configuration: {name}: expected {} to {}, got {got} ({})",
                    range.start(),
                    range.end(),
                    self.origin(name)
                );
            }
        }
        Ok(config)
    }

    /// As [`Self::config`], and whether what is named is there.
    pub(crate) fn check(&self) -> Result<()> {
        let config = self.config()?;
        if let Some(folder) = config.models.filter(|folder| !folder.is_dir()) {
            bail!(
                "models: {} is no folder ({})",
                folder.display(),
                self.origin("models")
            );
        }
        if let Some(file) = config.onnxruntime.filter(|file| !file.is_file()) {
            bail!(
                "onnxruntime: {} is no file ({})",
                file.display(),
                self.origin("onnxruntime")
            );
        }
        tracing_subscriber::EnvFilter::try_new(&config.log)
            .wrap_err_with(|| format!("log ({})", self.origin("log")))?;
        println!("the configuration holds");
        Ok(())
    }

    /// TOML with the origin of each value behind it.
    pub(crate) fn print(&self) -> Result<String> {
        let json = serde_json::to_value(self.config()?)?;
        let mut text = String::new();
        for name in FIELDS {
            let origin = self.origin(name);
            // JSON's numbers, texts and booleans are TOML's.
            match &json[name] {
                serde_json::Value::Null => text.push_str(&format!("# {name} is not set\n")),
                value => text.push_str(&format!("{name} = {value}  # {origin}\n")),
            }
        }
        Ok(text)
    }

    fn origin(&self, name: &str) -> String {
        let Some(metadata) = self.0.find_metadata(name) else {
            return "nowhere".into();
        };
        match &metadata.source {
            Some(Source::File(file)) => file.display().to_string(),
            _ if metadata.name.contains("environment") => {
                format!("{PREFIX}{}", name.to_uppercase())
            }
            _ if metadata.name.contains("Flags") => format!("--{}", name.replace('_', "-")),
            _ => "built in".into(),
        }
    }
}

fn default_file() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME").filter(|value| !value.is_empty());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    Some(
        named
            .map(PathBuf::from)
            .or_else(home)?
            .join("sidelight/edge.toml"),
    )
}

/// Where the engine's compiled code is kept.
pub(crate) fn engine_cache() -> Option<PathBuf> {
    Some(cache_folder()?.join("sidelight/engine"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn with_file(toml: &str, flags: Flags) -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("edge.toml");
        fs::write(&file, toml).unwrap();
        let loaded = load(&Flags {
            config: Some(file),
            ..flags
        });
        // Read while the folder is there.
        let loaded = loaded.unwrap();
        let _ = loaded.config();
        loaded
    }

    #[test]
    fn a_flag_goes_before_the_file_and_each_value_says_where_it_comes_from() {
        let flags = Flags {
            time_s: Some(5),
            ..Flags::default()
        };
        let loaded = with_file("time_s = 9\nmemory_mib = 128\n", flags);
        let config = loaded.config().unwrap();
        assert_eq!((config.time_s, config.memory_mib), (5, 128));
        let text = loaded.print().unwrap();
        assert!(text.contains("time_s = 5  # --time-s"), "{text}");
        assert!(text.contains("edge.toml"), "{text}");
        assert!(text.contains("record = true  # built in"), "{text}");
    }

    #[test]
    fn what_is_not_known_or_out_of_range_is_an_error_with_its_name() {
        for (toml, name) in [
            ("tme_s = 9", "tme_s"),
            ("time_s = 0", "time_s"),
            ("time_s = \"x\"", "time_s"),
            ("memory_mib = 1", "memory_mib"),
            ("backend = \"gpu\"", "gpu"),
        ] {
            let error = with_file(toml, Flags::default()).config().unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
