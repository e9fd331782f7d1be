"""Tunes a vision-language model on a release: a thin layer over TRL's SFTTrainer, without a training loop of its own.

What it adds: the user's turn that keeps a model from inventing records, the look at two collated rows before the first
step, the run card, and that the same command goes on where a killed one stopped.
"""

import math
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import TrainError, UsageError
from dermasynth_builder.core.files import lock_beside
from dermasynth_builder.core.hub import hub_address
from dermasynth_builder.core.records import digest
from dermasynth_builder.core.reporter import Bar, Reporter
from dermasynth_builder.train import preflight
from dermasynth_builder.train.families import TEMPLATES, Family, family_of, presets
from dermasynth_builder.train.options import TrainOptions
from dermasynth_builder.train.pictures import PictureOptions, handed_on
from dermasynth_builder.train.rows import OpenRelease, open_release
from dermasynth_builder.train.run_card import RUN_CARD, read_run_card, run_card
from dermasynth_builder.train.sample import examples_to_train_on
from dermasynth_builder.train.turns import Example

_ROWS = ".rows"  # folder of the prepared rows, gone when the run is done
_LEFT_BY_KILLED = {_ROWS, f".{RUN_CARD}"}  # before there was a run.json
_LEFT_BY_OTHERS = ("README.md", "training_args.bin")  # an empty form, and a pickle


def train(model: str, release: Path, options: TrainOptions, *, report: Reporter) -> preflight.Figures:
    """Tunes the model on the release's rows and writes it, with run.json, into `options.to`.

    Raises UsageError where an extra is not installed, ReleaseError where a row must not be trained on, and TrainError
    where the model cannot be tuned, rows would be trained on wrongly, or the folder holds another run.
    """
    opened = open_release(release, options.sources)
    _require_extras(options)
    _quiet()
    folder = options.to.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    taken = TrainError(f"another training writes {options.to}; wait for it or stop it, or choose another --to")
    lock = lock_beside(folder.with_name(f".{folder.name}"), taken)
    try:
        return _train(presets().get(model, model), opened, options, report=report)
    finally:
        lock.release()


def _train(model: str, opened: OpenRelease, options: TrainOptions, *, report: Reporter) -> preflight.Figures:
    examples = examples_to_train_on(opened, options)
    looked_at = preflight.examples_to_check(examples)
    loaded = _load(model, options)
    card = run_card(examples, opened, base=loaded.base, family=loaded.family, options=options)
    is_begun = _is_begun(options.to, card.identity, is_dry=options.is_dry)
    if is_begun == "finished":
        report.say(f"{options.to} holds this very run already, finished; nothing to do")
        return preflight.Figures(0, 0, 0, ())
    checkpoint = _last_checkpoint(options.to) if is_begun else None
    loaded = _as_left(loaded, checkpoint, options)
    patients = len({each.row.group_id for each in examples})
    report.say(f"{len(examples)} examples of {patients} patients, {options.context}")
    try:
        trainer = _trainer(loaded, _dataset(examples, opened, options), options)
        answers = [[turn.content for turn in each.messages if turn.role == "assistant"] for each in looked_at]
        figures = preflight.check(
            trainer.data_collator, _rows_of(looked_at, opened, options), answers, learner=loaded.learner
        )
        report.say(_told(figures))
        if options.is_dry:
            return figures
        card.write(options.to, preflight=asdict(figures))
        told = _run(trainer, options, report, checkpoint=checkpoint)
        _save(trainer, loaded, options)
        card.write(options.to, preflight=asdict(figures), **told)
        for path in options.to.glob("checkpoint-*"):
            shutil.rmtree(path)
    finally:
        shutil.rmtree(options.to / _ROWS, ignore_errors=True)
    report.say(f"tuned model written to {options.to}, with {RUN_CARD}")
    return figures


def _told(figures: preflight.Figures) -> str:
    shape = " x ".join(map(str, figures.pixels))
    return f"two rows looked at: {figures.labels} labels, the longest of {figures.tokens} tokens, pixels {shape}"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model that is about to be tuned."""

    model: Any
    processor: Any
    family: Family
    base: dict[str, Any]  # name, revision and a digest of its config

    @property
    def learner(self) -> preflight.Learner:
        stops = self.model.generation_config.eos_token_id
        tokenizer = self.processor.tokenizer
        return preflight.Learner(
            decode=lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
            stops={*(stops if isinstance(stops, list) else [stops]), tokenizer.eos_token_id},
            head_rows=self.model.get_output_embeddings().weight.shape[0],
            image_mark=getattr(self.processor, "image_token", "") or "",
        )


def _require_extras(options: TrainOptions) -> None:
    for name in ("torch", "transformers", "trl", "peft"):
        if find_spec(name) is None:
            raise UsageError(
                f"tuning a model needs {name}; install torch for your machine, then: pip install 'dermasynth[train]'"
            )
    if options.method == "qlora" and find_spec("bitsandbytes") is None:
        raise UsageError("--method qlora needs bitsandbytes: pip install 'dermasynth[qlora]'")


def _quiet() -> None:
    """Has the libraries draw no bars of their own."""
    import datasets
    from transformers.utils import logging

    datasets.disable_progress_bars()
    logging.disable_progress_bar()


def _load(name: str, options: TrainOptions) -> _Loaded:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, set_seed

    set_seed(options.seed)
    hub_address(lambda why: TrainError(f"{name} was not fetched: {why}"))
    dtype = torch.float32 if options.method == "full" else getattr(torch, options.dtype)
    more = {"quantization_config": _four_bits(dtype)} if options.method == "qlora" else {}
    try:
        config = AutoConfig.from_pretrained(name, revision=options.revision)
        family = family_of(config.model_type)
        processor = AutoProcessor.from_pretrained(name, revision=options.revision)
        model = AutoModelForImageTextToText.from_pretrained(name, revision=options.revision, dtype=dtype, **more)
    except (OSError, ValueError, ImportError, AttributeError, SafetensorError) as error:
        hint = f"{name} cannot be loaded: {str(error).splitlines()[0].rstrip('.')}"
        raise TrainError(f"{hint}. Check the name, its terms on the Hub, and `hf auth login`") from error
    if family.template:
        processor.chat_template = TEMPLATES[family.template]
    if not processor.chat_template:
        raise TrainError(f"{name} has no chat template; tune a model that was made to converse")
    base = {"model": name, "revision": getattr(config, "_commit_hash", None), "config_sha256": digest(_plain(config))}
    return _Loaded(model, processor, family, base)


def _as_left(loaded: _Loaded, checkpoint: Path | None, options: TrainOptions) -> _Loaded:
    """The model with the weights of a checkpoint, where all of them are tuned.

    A trainer loads these too, but by the names that they have in memory: where a family's files name them otherwise, as
    Gemma 3's do, it keeps the weights that it was given, with a warning, and trains on from the beginning.
    """
    if checkpoint is None or options.method != "full":
        return loaded
    from transformers import AutoModelForImageTextToText

    return replace(loaded, model=AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=loaded.model.dtype))


def _plain(config: Any) -> Any:
    import json

    told = config.to_dict()
    return json.loads(json.dumps({k: v for k, v in told.items() if k != "_name_or_path"}, default=str, sort_keys=True))


def _four_bits(dtype: Any) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _is_begun(folder: Path, identity: str, *, is_dry: bool) -> str:
    """ "finished", "begun", or "" for a folder that is free. Raises TrainError where another run is in it."""
    if is_dry or not folder.exists():
        return ""
    if not folder.is_dir():
        raise TrainError(f"{folder} is a file; choose another --to")
    if {path.name for path in folder.iterdir()} <= _LEFT_BY_KILLED:
        return ""
    if not (folder / RUN_CARD).is_file():
        raise TrainError(f"{folder} holds something else than a run; move it away or choose another --to")
    card = read_run_card(folder / RUN_CARD)
    if card.get("identity") != identity:
        raise TrainError(
            f"{folder} holds a run of other rows, options or versions; choose another --to, or delete it to begin anew"
        )
    return "finished" if "finished_at" in card else "begun"


def _dataset(examples: Sequence[Example], opened: OpenRelease, options: TrainOptions) -> Any:
    """The examples in their order, on disk: `images` and `messages`, as TRL takes them."""
    from datasets import Dataset, Features, Image, Value

    turns = [{"role": Value("string"), "content": Value("string")}]
    features = Features({"name": Value("string"), "images": [Image()], "messages": turns})
    order = {example.name: number for number, example in enumerate(examples)}
    shutil.rmtree(options.to / _ROWS, ignore_errors=True)
    made = Dataset.from_generator(
        _rows, features=features, cache_dir=str(options.to / _ROWS), gen_kwargs=_by_pair(examples, opened, options)
    )
    places = sorted(range(len(made)), key=[order[name] for name in made["name"]].__getitem__)
    return made.select(places).remove_columns("name")


def _by_pair(examples: Sequence[Example], opened: OpenRelease, options: TrainOptions) -> dict[str, Any]:
    by_pair: dict[str, list[Example]] = {}
    for example in examples:
        by_pair.setdefault(example.row.pair_id, []).append(example)
    return {"by_pair": by_pair, "opened": opened, "max_side_px": options.max_side_px}


def _rows(by_pair: dict[str, list[Example]], opened: OpenRelease, max_side_px: int | None) -> Iterator[dict[str, Any]]:
    pictures = PictureOptions(is_rgb=True, max_side_px=max_side_px)
    for row, content in opened.rows_with_images(by_pair):
        image = {"bytes": handed_on(content, pictures, row.pair_id).content, "path": None}
        for example in by_pair[row.pair_id]:
            turns = [{"role": turn.role, "content": turn.content} for turn in example.messages]
            yield {"name": example.name, "images": [image], "messages": turns}


def _rows_of(examples: Sequence[Example], opened: OpenRelease, options: TrainOptions) -> list[dict[str, Any]]:
    """These examples as the trainer's own dataset gives them."""
    import io

    from PIL import Image

    by_name = {row["name"]: row for row in _rows(**_by_pair(examples, opened, options))}
    return [
        {
            "images": [Image.open(io.BytesIO(by_name[each.name]["images"][0]["bytes"]))],
            "messages": by_name[each.name]["messages"],
        }
        for each in examples
    ]


def _trainer(loaded: _Loaded, dataset: Any, options: TrainOptions) -> Any:
    import torch
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    family, is_cuda = loaded.family, torch.cuda.is_available()
    adapters = None
    if options.method == "full":
        for name, weight in loaded.model.named_parameters():
            weight.requires_grad_(options.is_vision_trained or family.vision not in name)
    else:
        targets = [family.language, *([family.vision_adapters] if options.is_vision_trained else [])]
        adapters = LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules="|".join(f"(?:{each})" for each in targets),
        )
    try:
        trainer = SFTTrainer(
            model=loaded.model,
            args=SFTConfig(**_arguments(options, is_cuda=is_cuda)),
            train_dataset=dataset,
            processing_class=loaded.processor,
            peft_config=adapters,
        )
    except ValueError as error:
        raise TrainError(f"TRL refuses this training: {str(error).splitlines()[0]}") from error
    if options.method == "qlora":
        for weight in trainer.model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()  # TRL makes them bfloat16, and a checkpoint is read back as float32
    return trainer


def _arguments(options: TrainOptions, *, is_cuda: bool) -> dict[str, Any]:
    length = {"max_steps": options.steps} if options.steps else {"num_train_epochs": options.epochs}
    return length | {
        "output_dir": str(options.to),
        "assistant_only_loss": True,
        "max_length": options.max_length,
        "per_device_train_batch_size": options.batch,
        "gradient_accumulation_steps": options.accumulate,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": options.warmup_share,
        "bf16": options.dtype == "bfloat16",
        "fp16": options.dtype == "float16",
        "gradient_checkpointing": is_cuda,
        "use_cpu": not is_cuda,
        "dataloader_pin_memory": is_cuda,
        "seed": options.seed,
        "data_seed": options.seed,
        "save_steps": options.save_every,
        "save_total_limit": 1,
        "logging_steps": 10,
        "report_to": "none",
        "disable_tqdm": True,
    }


def _run(trainer: Any, options: TrainOptions, report: Reporter, *, checkpoint: Path | None) -> dict[str, Any]:
    """Trains to the end and gives what is to be told of it."""
    import torch
    from transformers import PrinterCallback

    if checkpoint:
        report.say(f"continuing from {checkpoint.name}")
    began = time.monotonic()
    at_once = options.batch * options.accumulate
    steps = options.steps or math.ceil(math.ceil(len(trainer.train_dataset) / at_once) * options.epochs)
    done = int(checkpoint.name.partition("-")[2]) if checkpoint else 0
    with report.bar("training", (steps - done) * at_once) as bar:
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_progress(bar, at_once))
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    is_cuda = torch.cuda.is_available()
    return {
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "steps": trainer.state.global_step,
        "losses": [[log["step"], log["loss"]] for log in trainer.state.log_history if "loss" in log],
        "took_s": round(time.monotonic() - began, 1),
        "device": torch.cuda.get_device_name() if is_cuda else "cpu",
        "peak_memory_bytes": torch.cuda.max_memory_allocated() if is_cuda else None,
        "resumed_from": checkpoint.name if checkpoint else None,
    }


def _last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole; its state is what a trainer writes last."""
    whole = [
        path
        for path in folder.glob("checkpoint-*")
        if path.name.partition("-")[2].isdecimal() and (path / "trainer_state.json").is_file()
    ]
    return max(whole, key=lambda path: int(path.name.partition("-")[2]), default=None)


def _progress(bar: Bar, examples_a_step: int) -> Any:
    """What moves the bar, which shows examples a second and the time left; the step and the loss stand beside it."""
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]  # transformers is not there where types are checked
        def on_step_end(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
            bar(examples_a_step)
            loss = next((f", loss {log['loss']:.3f}" for log in reversed(state.log_history) if "loss" in log), "")
            bar.note(f"step {state.global_step} of {state.max_steps}{loss}")

    return Progress()


def _save(trainer: Any, loaded: _Loaded, options: TrainOptions) -> None:
    """The tuned model with the processor that it came with, and nothing that was only for the way there."""
    from transformers import AutoProcessor

    trainer.save_model(str(options.to))
    AutoProcessor.from_pretrained(loaded.base["model"], revision=options.revision).save_pretrained(options.to)
    for name in _LEFT_BY_OTHERS:
        (options.to / name).unlink(missing_ok=True)
