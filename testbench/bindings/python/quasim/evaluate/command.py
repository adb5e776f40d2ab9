"""quasim evaluate."""

import argparse
import json
import pathlib
import sys

from ..capture.command import add_text_options, progress_line, require_text_options
from ..capture.models import load
from ..capture.sites import find_sites
from ..commands import AGREE, Parser, run_command
from ..importer.command import calibrated_scales
from ..importer.files import read_json
from ..refusal import Refusal
from . import results, speed
from .configurations import chosen, standard
from .runs import Runs, Work, digest
from ..capture.texts import Tokenizer, read_ids, read_lambada, read_text, require_ids

DESCRIPTION = """Measures what the unit does to a whole model: every convolution with its SiLU is replaced by the hardware's numbers, and
loss, next token, agreement with fp32 and LAMBADA's last words are compared, with intervals and tests.

On a GPU (--device cuda) the numbers are those of the CUDA golden, its plans where they serve; on a CPU those of the untimed model with
the programs that the compiler makes. A run that was cut off goes on where it stopped when the same command is given again."""
EPILOG = """configurations: """ + ", ".join(standard()) + """

examples:
  quasim evaluate my_model --text books.txt --scales scales.json --configurations fp32,two_step,fused -o results
  quasim evaluate my_model --text books.txt --scales scales.json --lambada lambada_test.jsonl --device cuda -o results

Exit code: 0 done, 2 bad input or usage. QUASIM_PYTHON names the interpreter that has torch
(without it that of an active virtual environment is taken, where it holds torch), QUASIM_GOLDEN_LIB the golden's library."""


def parse_arguments(arguments):
    parser = Parser(prog="quasim evaluate", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("model", metavar="MODEL", type=pathlib.Path, help="the folder of a model: config.json, checkpoint, tokenizer.json")
    add_text_options(add, 512)
    add("--sequences", type=int, metavar="N", help="at most so many sequences (default: all)")
    add("--batch", type=int, default=32, metavar="N", help="sequences that run at once (default: 32)")
    add("--lambada", type=pathlib.Path, metavar="FILE", help='passages, one {"text": ...} a line; the last word is asked for')
    add("--scales", type=pathlib.Path, metavar="FILE", help="scales of every layer, as quasim calibrate writes them")
    add("--configurations", metavar="NAME,...", help="which rows (default: all that the device can do)")
    add("--program-bits", default="", metavar="N,...", help="rows of compiled programs with a multiplier of N bits too")
    add("--device", default="cpu", metavar="cpu|cuda")
    add("--golden", type=pathlib.Path, metavar="FILE", help="libquasim_golden.so (default: QUASIM_GOLDEN_LIB, or beside the build)")
    add("--dtype", default="float32", metavar="float32|float16|bfloat16", help="what the model computes in")
    add("--speed", action="store_true", help="also time the model with its own convolution and with the unit's numbers, in fp32 and fp16")
    add("-o", "--output", type=pathlib.Path, metavar="DIR", required=True, help="the folder of the runs, results.json and index.html")
    add("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    require_text_options(options)
    for name, least in (("batch", 1), ("sequences", 1)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise Refusal("", f"--{name}", f"at least {least}", value)
    if options.device not in ("cpu", "cuda"):
        raise Refusal("", "--device", "cpu or cuda", options.device)
    if options.dtype not in ("float32", "float16", "bfloat16"):
        raise Refusal("", "--dtype", "float32, float16 or bfloat16", options.dtype)
    return options


def numbers_of(option, text):
    try:
        return [int(number) for number in text.split(",") if number]
    except ValueError:
        raise Refusal("", option, "whole numbers with commas between", text) from None


def rows_of(options):
    """The configurations to run."""
    rows = chosen(options.configurations, numbers_of("--program-bits", options.program_bits))
    if options.device == "cpu" and options.configurations is None:
        rows = [row for row in rows if row.math == "precise"]
    if options.scales is None and any(row.dataflow is not None for row in rows):
        raise Refusal("", "--scales", "the file that quasim calibrate writes", "none")
    return rows


def open_golden(options):
    """The golden's library on a GPU, None on a CPU."""
    if options.device == "cpu":
        return None
    import torch

    if not torch.cuda.is_available():
        raise Refusal("", "--device", "a GPU that torch sees", "none")
    from .golden_library import Golden, GoldenError

    try:
        return Golden(options.golden)
    except (OSError, GoldenError) as error:
        raise Refusal(options.golden, "--golden", "the golden's library (docs/golden.md)", error) from None


def texts_of(options, vocabulary):
    """(ids, passages)."""
    tokenizer = Tokenizer(options.model) if options.text or options.lambada else None
    source = options.ids or options.text[0]
    ids = read_ids(options.ids) if options.ids else tokenizer.encode("\n".join(read_text(path) for path in options.text))
    ids = ids[options.skip :]
    require_ids(source, ids, vocabulary, options.tokens + 1)
    passages = read_lambada(options.lambada, tokenizer) if options.lambada else []
    for passage in passages:
        require_ids(options.lambada, passage.word, vocabulary, 1)
    return ids, passages


def run(arguments):
    options = parse_arguments(arguments)
    rows = rows_of(options)
    scales = {} if options.scales is None else calibrated_scales(options.scales)
    document = {} if options.scales is None else read_json(options.scales)
    loaded = load(options.model, options.runner)
    import torch

    golden = open_golden(options)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    ids, passages = texts_of(options, loaded.vocabulary)
    sites = find_sites(loaded.module)
    loaded.module.to(options.device, getattr(torch, options.dtype))
    work = Work(ids, options.tokens, options.batch, options.sequences, passages)
    weights = digest(*(f"{key}{tuple(values.shape)}" for key, values in loaded.module.state_dict().items()),
                     *(values.detach().float().cpu().numpy() for values in loaded.module.state_dict().values()))
    name = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
    settings = {"model": options.model.resolve().name, "weights_sha256": weights, "text_sha256": work.fingerprint(),
                "scales_sha256": digest(json.dumps([scales, document.get("measured")], sort_keys=True)), "tokens": options.tokens,
                "recipe": document.get("source", {}).get("recipe", "-"), "sequences": sum(len(batch.ids) for batch in work.text),
                "passages": len(passages), "device": name, "dtype": options.dtype, "torch": torch.__version__.partition("+")[0]}
    report = progress_line("evaluate")
    runs = Runs(options.output, settings, work, len(rows), report, lambda text: print(f"evaluate: {text}", file=sys.stderr, flush=True))
    for row in rows:
        runs.run(row, loaded.logits, sites, options.device, scales, document.get("measured"), loaded.config, golden)
    if options.speed:
        time_model(options, loaded, sites, work, scales, document.get("measured"), golden, name, rows)
    report(None)
    collection = results.collect(options.output, [row.name for row in rows])
    results.write(options.output, collection)
    print(json.dumps({"verb": "evaluate", **collection}, indent=1) if options.json else results.text(collection))
    return AGREE


def time_model(options, loaded, sites, work, scales, measured, golden, name, rows):
    """Times the baselines among the rows in fp32 and, on a GPU, fp16."""
    import torch

    contestants = [row for row in rows if row.name in speed.CONTESTANTS]
    ids = torch.from_numpy(work.text[0].ids).to(options.device)
    timings = []
    for dtype in ("float32", "float16") if options.device == "cuda" else ("float32",):
        loaded.module.to(dtype=getattr(torch, dtype))
        timings.append({"device": name, **speed.measure(loaded.logits, sites, contestants, ids, options.device, getattr(torch, dtype), scales,
                                                        measured, loaded.config, golden)})
    loaded.module.to(dtype=getattr(torch, options.dtype))
    (options.output / results.SPEED_FILE).write_text(json.dumps({"timings": timings}, indent=1) + "\n", encoding="utf-8")


def main(arguments=None):
    """Runs the command and returns its exit code; what is wrong is one line on stderr."""
    return run_command("evaluate", run, arguments)
