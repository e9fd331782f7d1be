"""What trains wrongly without a word is refused by name; and what TRL itself does with each, so that a mend shows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="make test-train has it")
pytest.importorskip("trl")

from PIL import Image  # noqa: E402 - torch may not be there
from transformers import AutoModelForImageTextToText, AutoProcessor  # noqa: E402
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling  # noqa: E402

from dermasynth_builder.core.errors import TrainError  # noqa: E402
from dermasynth_builder.train import preflight  # noqa: E402
from dermasynth_builder.train.families import MLLAMA_TEMPLATE, MLLAMA_TRAINING_TEMPLATE  # noqa: E402
from dermasynth_builder.train.preflight import NO_LABEL, Learner, check  # noqa: E402
from tests.support.tiny_models import Family, write_tiny  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # what torch, transformers and TRL say of each other is not ours to mend
]

ANSWERS = ("A nevus.", "This is a basal cell carcinoma, proven by biopsy.")
QUESTION = "Which diagnosis is recorded for this image?"


class Tiny:
    """A tiny model with the ways in which its rows may be collated."""

    def __init__(self, folder: Path, family: Family) -> None:
        self.processor = AutoProcessor.from_pretrained(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(folder)
        self.marked: str | None = MLLAMA_TRAINING_TEMPLATE if family == "mllama" else None
        if family == "gemma3":
            from trl.chat_template_utils import get_training_chat_template

            self.marked = get_training_chat_template(self.processor)
        tokenizer = self.processor.tokenizer
        self.learner = Learner(
            decode=lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
            stops=set(self.model.generation_config.eos_token_id),
            head_rows=self.model.get_output_embeddings().weight.shape[0],
            image_mark=self.processor.image_token,
        )

    def collate(self, **options: Any) -> Callable[[list[dict[str, Any]]], Any]:
        """TRL's own collator; by default as a training of ours has it."""
        options = {"assistant_only_loss": True, "chat_template": self.marked, "max_length": None} | options
        made: Callable[[list[dict[str, Any]]], Any] = DataCollatorForVisionLanguageModeling(
            processor=self.processor, **options
        )
        return made

    def check(
        self, collate: Callable[[list[dict[str, Any]]], Any], rows: Sequence[dict[str, Any]]
    ) -> preflight.Figures:
        return check(collate, rows, [[row["messages"][-1]["content"]] for row in rows], learner=self.learner)


@pytest.fixture(scope="module", params=["gemma3", "mllama"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    texts = [QUESTION, *ANSWERS] * 20
    return Tiny(write_tiny(request.param, tmp_path_factory.mktemp("tiny"), texts), request.param)


def rows(*, question: str = QUESTION, colours: Sequence[str] = ("brown", "pink")) -> list[dict[str, Any]]:
    return [
        {
            "images": [Image.new("RGB", (64, 64), colour)],
            "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        }
        for colour, answer in zip(colours, ANSWERS, strict=True)
    ]


def labels_of(batch: Any, row: int = 0) -> list[int]:
    return [each for each in batch["labels"][row].tolist() if each != NO_LABEL]


def test_rows_as_a_training_has_them_pass(tiny: Tiny) -> None:
    figures = tiny.check(tiny.collate(), rows())
    assert figures.labels > 4
    assert figures.pixels[0] == 2


@pytest.mark.parametrize("system", [[], [{"role": "system", "content": "Be brief."}]])
def test_the_template_that_marks_answers_says_what_the_one_without_marks_does(
    tiny: Tiny, system: list[dict[str, str]]
) -> None:
    turns = [
        *system,
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]},
        {"role": "assistant", "content": "A nevus."},
        {"role": "user", "content": "And then?"},
        {"role": "assistant", "content": "Nothing."},
    ]

    def said(template: str | None, prompt: bool = False) -> str:
        return str(
            tiny.processor.apply_chat_template(
                turns[:-1] if prompt else turns, chat_template=template, add_generation_prompt=prompt
            )
        )

    assert said(tiny.marked) == said(None)
    assert said(tiny.marked, prompt=True) == said(None, prompt=True)
    assert said(None).count("Be brief.") == len(system)
    assert "generation %}" not in MLLAMA_TEMPLATE


def test_pictures_inside_the_text_alone_train_blind(tiny: Tiny) -> None:
    """Rows of OpenAI's form: TRL makes a batch of them without any pixels."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    ids = [tiny.processor.tokenizer(f"{QUESTION} {answer}")["input_ids"] for answer in ANSWERS]
    blind = DataCollatorForLanguageModeling(pad_token_id=tiny.processor.tokenizer.pad_token_id)
    assert "pixel_values" not in blind([{"input_ids": each} for each in ids])
    with pytest.raises(TrainError, match="no pixels are in a batch"):
        tiny.check(lambda _: blind([{"input_ids": each} for each in ids]), rows())


def test_two_pictures_that_come_to_the_same_pixels_are_refused(tiny: Tiny) -> None:
    with pytest.raises(TrainError, match="the same pixels"):
        tiny.check(tiny.collate(), rows(colours=("brown", "brown")))


def test_loss_on_all_of_the_text_is_refused(tiny: Tiny) -> None:
    collate = tiny.collate(assistant_only_loss=False, chat_template=None)
    learned = labels_of(collate(rows()))
    assert len(learned) > len(labels_of(tiny.collate()(rows())))  # TRL trains on the question, and says nothing
    with pytest.raises(TrainError, match=r"the question is learned too|the picture's own token is learned"):
        tiny.check(collate, rows())


def test_a_label_that_the_model_has_no_row_for_is_refused(tmp_path: Path) -> None:
    tiny = Tiny(write_tiny("mllama", tmp_path, [QUESTION, *ANSWERS] * 20), "mllama")
    collate = tiny.collate(assistant_only_loss=False, chat_template=None)
    assert max(labels_of(collate(rows()))) == tiny.learner.head_rows  # one past the last, as in the real model
    with pytest.raises(TrainError, match="and the model answers with"):
        tiny.check(collate, rows())


def test_an_answer_that_is_cut_off_is_refused(tiny: Tiny) -> None:
    whole = tiny.collate()(rows())
    length = int(whole["attention_mask"].sum(dim=1).max()) - 3
    batch = tiny.collate(max_length=length)(rows())
    assert len(labels_of(batch, 1)) < len(labels_of(whole, 1))  # TRL trains on the rest, and says nothing
    with pytest.raises(TrainError, match=r"the answer is cut off|the end of the answer is not learned"):
        tiny.check(tiny.collate(max_length=length), rows())


def test_nothing_to_learn_is_refused(tiny: Tiny) -> None:
    def unlearned(found: list[dict[str, Any]]) -> Any:
        batch = tiny.collate()(found)
        batch["labels"][:] = NO_LABEL
        return batch

    with pytest.raises(TrainError, match="the loss would be 0"):
        tiny.check(unlearned, rows())


def test_a_prompt_that_is_cut_off_is_refused(tiny: Tiny) -> None:
    """Of Gemma 3 the picture's tokens are cut and the batch fails; of Mllama nothing is left to learn, at loss 0."""
    with pytest.raises(TrainError, match=r"cannot be made a batch.*cut off|the loss would be 0"):
        tiny.check(tiny.collate(max_length=8), rows())


def test_an_end_that_is_not_learned_is_refused(tiny: Tiny) -> None:
    def endless(found: list[dict[str, Any]]) -> Any:
        batch = tiny.collate()(found)
        for ids in batch["labels"]:
            for place, each in enumerate(ids.tolist()):
                if each in tiny.learner.stops:
                    ids[place] = NO_LABEL
        return batch

    with pytest.raises(TrainError, match="the end of the answer is not learned"):
        tiny.check(endless, rows())


def test_a_text_that_holds_the_models_own_mark_is_refused(tiny: Tiny) -> None:
    with pytest.raises(TrainError, match="reads as a picture"):
        tiny.check(tiny.collate(), rows(question=f"Where is {tiny.processor.image_token} from?"))


def test_an_answer_that_is_another_is_refused(tiny: Tiny) -> None:
    with pytest.raises(TrainError, match="and not the answer"):
        check(tiny.collate(), rows(), [["A mole."], ["A mole."]], learner=tiny.learner)
