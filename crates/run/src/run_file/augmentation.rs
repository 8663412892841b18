//! The keys of `[train]` about what is done to training images at random.

use panarch_data::{Augmentation, ColourJitter, RandAugment, ResizedCrop, Resolutions};
use panarch_toml::{Key, Table};

use super::write::Writer;

/// What these keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new("train.flip", "Mirrors every second image. Good for photographs of natural scenes, wrong for letters and shoes.")
        .known_as(&["hflip", "horizontal_flip", "fliplr", "random_flip", "mirror"]),
    Key::new("train.crop_padding", "Shifts images by up to this many pixels; the gap is filled with the mean.")
        .known_as(&["padding", "random_crop", "pad", "shift"]),
    Key::new(
        "train.resized_crop",
        "Crops a part of each image and scales it to the full size: the smallest and the largest share of the area, such as `[0.5, 1.0]`.",
    )
    .with_default("off")
    .known_as(&["random_resized_crop", "crop_scale", "scale_range"]),
    Key::new(
        "train.rand_augment",
        "RandAugment: the number of operations (1 to 16) and their magnitude (0 to 30), such as `[2, 9]`.",
    )
    .with_default("off")
    .known_as(&["randaugment", "auto_augment", "autoaugment", "aa", "randaug"]),
    Key::new(
        "train.colour_jitter",
        "The strengths of random brightness, contrast and saturation, such as `[0.4, 0.4, 0.4]`.",
    )
    .with_default("off")
    .known_as(&["color_jitter", "jitter", "colorjitter", "distort_color"]),
    Key::new("train.cutout", "The side, in pixels, of a square that is filled with the mean; 0 switches that off.")
        .with_default("off")
        .known_as(&["random_erasing", "erasing", "cutout_length", "reprob"]),
    Key::new("train.mixup", "The α of mixing pairs of images and their labels.")
        .with_default("off")
        .known_as(&["mixup_alpha", "mix_up"]),
    Key::new("train.train_resolutions", "Each batch is scaled to one of these heights and widths, such as `[28, 32]`.")
        .with_default("off")
        .known_as(&["resolutions", "image_sizes", "multi_scale", "image_size_list"]),
];

/// Reads them; what is absent is as in `default`.
pub(super) fn read(table: &Table<'_>, default: Augmentation) -> Augmentation {
    let shares = |key: &str| table.optional_list_in(key, 0.0..=1.0);
    let whole = |key: &str| table.optional_list_in(key, 0..=30);
    let wrong = |key: &str, message: &str| table.problem(key, format!("`{key}` is {message}"), None);
    let resized_crop = shares("resized_crop").and_then(|list: Vec<f64>| match list[..] {
        [smallest, largest] if smallest > 0.0 && smallest <= largest => Some(ResizedCrop {
            smallest: smallest as f32,
            largest: largest as f32,
        }),
        _ => {
            wrong(
                "resized_crop",
                "the smallest and the largest share of the area, such as [0.5, 1.0]",
            );
            None
        }
    });
    let rand_augment = whole("rand_augment").and_then(|list: Vec<u32>| match list[..] {
        [operations, magnitude] if (1..=16).contains(&operations) => Some(RandAugment { operations, magnitude }),
        _ => {
            wrong(
                "rand_augment",
                "the number of operations (1 to 16) and their magnitude (0 to 30), such as [2, 9]",
            );
            None
        }
    });
    let colour_jitter = shares("colour_jitter").and_then(|list: Vec<f64>| match list[..] {
        [brightness, contrast, saturation] => Some(ColourJitter {
            brightness: brightness as f32,
            contrast: contrast as f32,
            saturation: saturation as f32,
        }),
        _ => {
            wrong(
                "colour_jitter",
                "the strengths of brightness, contrast and saturation, such as [0.4, 0.4, 0.4]",
            );
            None
        }
    });
    let resolutions = table.optional_list_of_u32("train_resolutions").and_then(|list| {
        let resolutions = Resolutions::new(&list);
        if let Err(error) = &resolutions {
            table.problem("train_resolutions", error.to_string(), None);
        }
        resolutions.ok()
    });
    Augmentation {
        flip: table.optional_bool("flip").unwrap_or(default.flip),
        crop_padding: table
            .optional_u32_in("crop_padding", 0..=64)
            .unwrap_or(default.crop_padding),
        resized_crop: resized_crop.or(default.resized_crop),
        rand_augment: rand_augment.or(default.rand_augment),
        colour_jitter: colour_jitter.or(default.colour_jitter),
        cutout: table
            .optional_u32_in("cutout", 0..=1024)
            .map_or(default.cutout, |side| (side > 0).then_some(side)),
        mixup: table
            .optional_f64_in("mixup", 1e-3..=64.0)
            .map(|alpha| alpha as f32)
            .or(default.mixup),
        resolutions: resolutions.or(default.resolutions),
    }
}

pub(super) fn write(augmentation: &Augmentation, writer: &mut Writer) {
    writer.key("flip", augmentation.flip);
    writer.key("crop_padding", augmentation.crop_padding);
    if let Some(crop) = &augmentation.resized_crop {
        writer.list("resized_crop", &[crop.smallest, crop.largest]);
    }
    if let Some(random) = &augmentation.rand_augment {
        writer.list("rand_augment", &[random.operations, random.magnitude]);
    }
    if let Some(jitter) = &augmentation.colour_jitter {
        writer.list(
            "colour_jitter",
            &[jitter.brightness, jitter.contrast, jitter.saturation],
        );
    }
    if let Some(side) = augmentation.cutout {
        writer.key("cutout", side);
    }
    if let Some(alpha) = augmentation.mixup {
        writer.key("mixup", alpha);
    }
    if let Some(resolutions) = &augmentation.resolutions {
        writer.list("train_resolutions", resolutions.as_slice());
    }
}
