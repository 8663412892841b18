"""Exports networks of timm and torchvision as ONNX, with what a reader of them must find.

    python foreign_models.py FOLDER [--names NAME,NAME…] [--opset 17] [--dynamo] [--size HEIGHTxWIDTH]

Needs torch, torchvision, timm, onnx, onnxruntime and safetensors; nothing is downloaded, weights are random.
For each name it writes NAME.onnx and NAME.safetensors: `input`, a seeded image, `logits`, what ONNX Runtime makes of it
(for several outputs the first), and as metadata the trainable parameters and the MACs that
PyTorch counts. Batch normalisations get random statistics and parameters, scales of layers too, so that none of them does
nothing. FOLDER/families.csv lists name and family. What is there already is left alone.
"""
import argparse
import csv
import gc
import os
import sys
import zlib

import numpy as np
import onnx
import onnxruntime
import timm
import torch
import torchvision
from safetensors.numpy import save_file
from torch.utils.flop_counter import FlopCounterMode

# Family: names. A name with `tv:` is torchvision's, the others are timm's.
FAMILIES = {
    "ResNet": "resnet18 resnet26d resnet50 tv:wide_resnet50_2 resnetaa50 resnetrs50 resnetblur50",
    "ResNeXt": "resnext50_32x4d seresnext26d_32x4d",
    "SE-ResNet": "seresnet50 legacy_seresnet18 skresnet18 ecaresnet26t gcresnext26ts",
    "ResNetV2": "resnetv2_50 resnetv2_50d_gn",
    "ResNeSt": "resnest14d",
    "Res2Net": "res2net50_26w_4s res2next50",
    "RegNet": "regnetx_008 regnety_008 tv:regnet_y_400mf regnetz_005",
    "DenseNet": "densenet121 tv:densenet169",
    "VGG": "tv:vgg11 vgg11_bn",
    "AlexNet": "tv:alexnet",
    "SqueezeNet": "tv:squeezenet1_1",
    "Inception": "tv:googlenet tv:inception_v3 inception_v4",
    "Xception": "xception41 legacy_xception",
    "NASNet": "nasnetalarge",
    "DPN": "dpn48b dpn68",
    "DLA": "dla34 dla60_res2net",
    "MobileNetV1": "mobilenetv1_100",
    "MobileNetV2": "mobilenetv2_100 tv:mobilenet_v2",
    "MobileNetV3": "mobilenetv3_small_100 tv:mobilenet_v3_large tf_mobilenetv3_small_075",
    "MobileNetV4": "mobilenetv4_conv_small mobilenetv4_hybrid_medium",
    "MNASNet": "mnasnet_100 tv:mnasnet0_5",
    "NAS, mobile": "fbnetc_100 spnasnet_100 hardcorenas_a tinynet_e",
    "EfficientNet": "efficientnet_b0 tf_efficientnet_b0 tv:efficientnet_b0 efficientnet_lite0 efficientnet_es",
    "EfficientNetV2": "tf_efficientnetv2_b0 tv:efficientnet_v2_s",
    "MixNet": "mixnet_s tf_mixnet_m",
    "GhostNet": "ghostnet_100 ghostnetv2_100 repghostnet_050",
    "LCNet": "lcnet_100",
    "ShuffleNetV2": "tv:shufflenet_v2_x0_5 tv:shufflenet_v2_x1_0",
    "ReXNet": "rexnet_100 rexnetr_200",
    "SelecSLS": "selecsls42b",
    "HRNet": "hrnet_w18_small hrnet_w18_small_v2",
    "CSP, Darknet": "cspresnet50 cspdarknet53 darknet53 cs3darknet_s cs3darknet_focus_s",
    "VoVNet": "ese_vovnet19b_dw",
    "HGNet": "hgnet_tiny hgnetv2_b0",
    "RepVGG": "repvgg_a0 mobileone_s0 gernet_s",
    "TResNet": "tresnet_m",
    "NFNet": "nf_resnet50 dm_nfnet_f0 eca_nfnet_l0",
    "ConvNeXt": "convnext_atto convnext_tiny convnextv2_atto tv:convnext_tiny convnext_atto_ols",
    "InceptionNeXt": "inception_next_atto",
    "ConvMixer": "convmixer_768_32",
    "RepViT": "repvit_m0_9",
    "StarNet": "starnet_s1",
    "FasterNet": "fasternet_t0",
    "MetaFormer": "poolformer_s12 poolformerv2_s12 convformer_s18",
    "EdgeNeXt": "edgenext_xx_small",
    "FastViT": "fastvit_t8 fastvit_sa12 mci0",
    "MambaOut": "mambaout_femto",
    "FocalNet": "focalnet_tiny_srf",
    "EfficientFormer": "efficientformer_l1 efficientformerv2_s0",
    "EfficientViT": "efficientvit_b0 efficientvit_m0",
    "MLP": "mixer_s32_224 resmlp_12_224 gmlp_s16_224",
    "Segmentation": "tv:lraspp_mobilenet_v3_large tv:deeplabv3_mobilenet_v3_large tv:fcn_resnet50",
    "Vision Transformer": "vit_tiny_patch16_224 deit_tiny_patch16_224 swin_tiny_patch4_window7_224 mobilevit_s levit_128s",
}


def build(name):
    if not name.startswith("tv:"):
        return timm.create_model(name, pretrained=False)
    kind = name[3:]
    if any(kind.startswith(prefix) for prefix in ("lraspp", "deeplab", "fcn")):
        return torchvision.models.get_model(kind, weights=None, weights_backbone=None)
    more = {"init_weights": True} if kind in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(kind, weights=None, **more)


class Output(torch.nn.Module):
    """The network with its first result alone."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        made = self.inner(x)
        if isinstance(made, dict):
            made = made["out"]
        return made[0] if isinstance(made, (list, tuple)) else made


def randomise(model, seed):
    """Statistics of normalisations and scales of layers that a new network has at 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    uniform = lambda like, low, high: torch.rand(like.shape, generator=generator) * (high - low) + low
    with torch.no_grad():
        for module in model.modules():
            for name, low, high in [("running_mean", -0.2, 0.2), ("running_var", 0.6, 1.4)]:
                found = getattr(module, name, None)
                if isinstance(found, torch.Tensor):
                    found.copy_(uniform(found, low, high))
            if "Norm" in type(module).__name__ and isinstance(getattr(module, "weight", None), torch.Tensor):
                module.weight.copy_(uniform(module.weight, 0.7, 1.3))
                if isinstance(getattr(module, "bias", None), torch.Tensor):
                    module.bias.copy_(uniform(module.bias, -0.2, 0.2))
        for name, parameter in model.named_parameters():
            if name.rsplit(".", 1)[-1] in ("gamma", "gain", "skipinit_gain", "layer_scale", "scale") or "ls" in name.split("."):
                parameter.copy_(uniform(parameter, 0.3, 0.7))
            elif parameter.abs().max() == 0:
                parameter.copy_(uniform(parameter, -0.1, 0.1))


def count(model, image):
    """Multiply-accumulates of convolutions and matrix products for one image, as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    return counter.get_total_flops() // 2


def count_parameters(model):
    """Trained values, but for the gains of standardised weights: these are factors of the kernels that a file holds."""
    named = model.named_parameters()
    return sum(p.numel() for name, p in named if p.requires_grad and not name.endswith("gain"))


WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "PRelu", "LayerNormalization", "BatchNormalization", "GroupNormalization")


def count_in_file(path):
    """Values that layers of the file read as constants: what is left of the parameters after the exporter's folding.

    Single numbers that a value is multiplied by or that are added to it are constants of the architecture here.
    """
    graph = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    known = set(shapes)
    for value in graph.value_info:
        dims = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        shapes.setdefault(value.name, dims)
    total = 0
    for node in graph.node:
        constant = [name for name in node.input if name in known]
        if node.op_type == "Constant" or (constant and len(constant) == len([name for name in node.input if name])):
            known.update(node.output)
            if node.op_type == "Constant":
                shapes.setdefault(node.output[0], list(onnx.helper.get_attribute_value(node.attribute[0]).dims)
                                  if node.attribute[0].name == "value" else [])
            continue
        if node.op_type == "BatchNormalization":
            constant = list(node.input)[1:3]
        sizes = [int(np.prod(shapes.get(name, []))) for name in constant]
        if node.op_type in WEIGHTED:
            total += sum(sizes)
        elif node.op_type in ("Mul", "Add", "Sub", "Div"):
            total += sum(size for size in sizes if size > 1)
    return total


def export(name, folder, options):
    file = name.replace("tv:", "tv-") + options.suffix
    path = os.path.join(folder, file + ".onnx")
    reference = os.path.join(folder, file + ".safetensors")
    if os.path.exists(reference):
        return
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    model = Output(build(name)).eval()
    randomise(model, seed)
    if options.size:
        height, width = (int(side) for side in options.size.split("x"))
    else:
        config = getattr(model.inner, "default_cfg", None) or {}
        height, width = config.get("input_size", (3, 224, 224))[1:]
        if name.startswith("tv:inception"):
            height, width = 299, 299
    image = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    parameters = count_parameters(model)
    macs = count(model, image)
    if options.dynamo:
        program = torch.onnx.export(model, (image,), dynamo=True, external_data=False)
        program.save(path)
    else:
        torch.onnx.export(model, (image,), path, opset_version=options.opset, input_names=["input"],
                          output_names=["output"], dynamo=False)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    logits = session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]
    with torch.no_grad():
        eager = model(image).numpy()
    drift = np.abs(eager - logits).max() / np.abs(logits).max()
    if not drift < 1e-3:
        print(f"{name}: ONNX Runtime and PyTorch differ by {drift}", file=sys.stderr)
    library = torchvision if name.startswith("tv:") else timm
    metadata = {
        "source": f"{library.__name__} {library.__version__} {name}, PyTorch {torch.__version__}",
        "parameters": str(parameters),
        "macs": str(macs),
        "file_parameters": str(count_in_file(path)),
    }
    save_file({"input": image.numpy(), "logits": logits}, reference, metadata)
    print(f"{name}: {parameters} parameters, {macs} MACs, spread {logits.std():.3g}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--names")
    parser.add_argument("--opset", type=int, default=17)
    parser.add_argument("--dynamo", action="store_true")
    parser.add_argument("--size")
    parser.add_argument("--suffix", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.makedirs(options.folder, exist_ok=True)
    family = {name: family for family, names in FAMILIES.items() for name in names.split()}
    with open(os.path.join(options.folder, "families.csv"), "w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["name", "family"])
        rows.writerows((name.replace("tv:", "tv-"), family) for name, family in family.items())
    names = options.names.split(",") if options.names else list(family)
    for name in names:
        try:
            export(name, options.folder, options)
        except Exception as error:  # One network that a version of a package lacks ends nothing.
            print(f"{name}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr, flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
