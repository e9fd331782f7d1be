# mypy: ignore-errors
# ruff: noqa: S106, T201 - names of tokens are no passwords; it is a command
"""Makes a vision model of a few hundred thousand weights that says one thing, for a real server to serve.

    python tiny_vision_model.py DIR

For a Python that has torch, transformers and pillow; nothing is downloaded. The weights begin at random and are fitted
to one answer until the model gives it, whatever it is shown and asked.
"""

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
    Gemma3TextConfig,
    PreTrainedTokenizerFast,
    SiglipVisionConfig,
)

ANSWER = '{"answer": "A raised, brown plaque with an even border."}'
SIDE_PX, PATCH_PX, IMAGE_TOKENS = 32, 8, 4
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"]
TURNS = ["<start_of_turn>", "<end_of_turn>"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'image_url') %}<start_of_image>{% elif part['type'] == 'text' %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{% endif %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
QUESTIONS = ("What is seen?", "Describe this, plainly.", "You are a dermatologist. Sex: female, 62 years.", "List: - a")
MOST_STEPS = 250


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, and what the answer is made of."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL + TURNS, initial_alphabet=alphabet)
    inner.train_from_iterator([ANSWER] * 50 + list(QUESTIONS), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens={
            "image_token": "<image_soft_token>",
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
        },
        chat_template=TEMPLATE,
    )


def make_processor() -> Gemma3Processor:
    """The tokenizer and small images."""
    images = Gemma3ImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX}, do_pan_and_scan=False)
    return Gemma3Processor(images, make_tokenizer(), chat_template=TEMPLATE, image_seq_length=IMAGE_TOKENS)


def make_model(tokenizer: PreTrainedTokenizerFast) -> Gemma3ForConditionalGeneration:
    """Random weights."""
    text = Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=4096,
        sliding_window=24,  # an answer hangs on the last tokens alone: a long prompt changes nothing
        layer_types=["sliding_attention"] * 2,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    vision = SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=SIDE_PX,
        patch_size=PATCH_PX,
        vision_use_head=False,
    )
    of = tokenizer.convert_tokens_to_ids
    config = Gemma3Config(
        text_config=text,
        vision_config=vision,
        mm_tokens_per_image=IMAGE_TOKENS,
        image_token_index=of("<image_soft_token>"),
        boi_token_index=of("<start_of_image>"),
        eoi_token_index=of("<end_of_image>"),
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    return Gemma3ForConditionalGeneration(config)


def fit(model: Gemma3ForConditionalGeneration, processor: Gemma3Processor) -> float:
    """Until the answer follows whatever was asked; gives the last loss."""
    from PIL import Image

    steer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    loss_of_round = torch.tensor(9.0)
    for step in range(MOST_STEPS):
        shade = torch.randint(0, 256, (3,)).tolist()
        question = QUESTIONS[step % len(QUESTIONS)] + "x" * (step % 7)
        content = [{"type": "image"}, {"type": "text", "text": question}]
        asked = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        image = Image.new("RGB", (SIDE_PX, SIDE_PX), tuple(shade))
        encoded = processor(text=asked + ANSWER + "<eos>", images=image, return_tensors="pt")
        written = len(processor.tokenizer(ANSWER + "<eos>", add_special_tokens=False)["input_ids"])
        labels = encoded["input_ids"].clone()
        labels[:, :-written] = -100
        loss_of_round = model(**encoded, labels=labels).loss
        steer.zero_grad()
        loss_of_round.backward()
        steer.step()
        if step > 60 and loss_of_round.item() < 0.02:
            break
    return loss_of_round.item()


def main(folder: Path) -> None:
    """Writes model and processor."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # a core is enough, and others may need the rest
    processor = make_processor()
    model = make_model(processor.tokenizer)
    loss = fit(model, processor)
    model.eval()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    print(f"loss {loss:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
