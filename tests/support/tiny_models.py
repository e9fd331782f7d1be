"""Models of real families with random weights, small enough to be tuned in a minute: folders as a Hub's snapshot is.

Two things make a random model deaf to pictures, so that nothing is learned of them whatever the loss says: the gates
of Mllama's cross-attention and the projection of Gemma 3 start at zero. They are set here.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

Family = Literal["gemma3", "mllama"]

SIDE_PX = 64
_PATCH_PX = 8
_WIDTH = 64
_WORDS = 1200


def write_tiny(family: Family, folder: Path, texts: Iterable[str], seed: int = 0) -> Path:
    """Writes a model, its processor and a tokenizer learned from `texts`, and gives the folder."""
    import torch

    torch.manual_seed(seed)
    model, processor = _MAKERS[family](list(texts))
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer(texts: Iterable[str], special: list[str], **names: Any) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.BPE(unk_token=None))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bare.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=_WORDS, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, **names)
    tokenizer.padding_side = "right"
    return tokenizer


def _gemma3(texts: list[str]) -> tuple[Any, Any]:
    from transformers import Gemma3ForConditionalGeneration, Gemma3Processor
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
    from trl.chat_template_utils import gemma3_chat_template

    special = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
    special += ["<start_of_image>", "<end_of_image>", "<image_soft_token>"]
    tokenizer = _tokenizer(
        texts,
        special,
        bos_token="<bos>",  # noqa: S106 - a token of text
        eos_token="<eos>",  # noqa: S106
        pad_token="<pad>",  # noqa: S106
        extra_special_tokens={
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        },
    )
    tokens = {name: tokenizer.convert_tokens_to_ids(name) for name in special}
    model = Gemma3ForConditionalGeneration(_gemma3_config(tokens, len(tokenizer)))
    model.model.multi_modal_projector.mm_input_projection_weight.data.normal_(0, _WIDTH**-0.5)
    model.generation_config.eos_token_id = [tokens["<eos>"], tokens["<end_of_turn>"]]
    pictures = Gemma3ImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX})
    return model, Gemma3Processor(pictures, tokenizer, chat_template=gemma3_chat_template, image_seq_length=16)


def _gemma3_config(tokens: dict[str, int], rows: int) -> Any:
    from transformers import Gemma3Config

    return Gemma3Config(
        text_config={
            **{"vocab_size": rows, "hidden_size": _WIDTH, "intermediate_size": 2 * _WIDTH},
            **{"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16},
            **{"max_position_embeddings": 2048, "sliding_window": 1024, "pad_token_id": tokens["<pad>"]},
            **{"bos_token_id": tokens["<bos>"], "eos_token_id": tokens["<eos>"]},
        },
        vision_config={
            **{"hidden_size": _WIDTH, "intermediate_size": 2 * _WIDTH, "num_hidden_layers": 2},
            **{"num_attention_heads": 4, "image_size": SIDE_PX, "patch_size": _PATCH_PX},
        },
        mm_tokens_per_image=16,
        boi_token_index=tokens["<start_of_image>"],
        eoi_token_index=tokens["<end_of_image>"],
        image_token_index=tokens["<image_soft_token>"],
        eos_token_id=[tokens["<eos>"], tokens["<end_of_turn>"]],
        pad_token_id=tokens["<pad>"],
        bos_token_id=tokens["<bos>"],
        tie_word_embeddings=True,
    )


def _mllama(texts: list[str]) -> tuple[Any, Any]:
    from transformers import MllamaForConditionalGeneration, MllamaProcessor
    from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

    from dermasynth_builder.train.families import MLLAMA_TEMPLATE

    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"]
    special += [
        "<|python_tag|>",
        "<|finetune_right_pad_id|>",
        "<|image|>",
    ]  # the last as in the real one
    tokenizer = _tokenizer(
        texts,
        special[:-1],
        bos_token="<|begin_of_text|>",  # noqa: S106
        eos_token="<|eot_id|>",  # noqa: S106
        pad_token="<|finetune_right_pad_id|>",  # noqa: S106
    )
    rows = len(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|image|>"]})
    assert tokenizer.convert_tokens_to_ids("<|image|>") == rows
    ends = [tokenizer.convert_tokens_to_ids(name) for name in ("<|eot_id|>", "<|end_of_text|>")]
    ids = {"bos_token_id": tokenizer.bos_token_id, "pad_token_id": tokenizer.pad_token_id, "eos_token_id": ends}
    model = MllamaForConditionalGeneration(_mllama_config(ids, rows))
    for name, value in model.named_parameters():
        if name.endswith(("cross_attn_attn_gate", "cross_attn_mlp_gate")):
            value.data.fill_(1.0)
    model.generation_config.eos_token_id = ends
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    pictures = MllamaImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX}, max_image_tiles=1)
    return model, MllamaProcessor(pictures, tokenizer, chat_template=MLLAMA_TEMPLATE)


def _mllama_config(ids: dict[str, Any], rows: int) -> Any:
    from transformers import MllamaConfig

    return MllamaConfig(
        text_config={
            **{"vocab_size": rows, "hidden_size": _WIDTH, "intermediate_size": 2 * _WIDTH, "num_hidden_layers": 3},
            **{"num_attention_heads": 4, "num_key_value_heads": 2, "cross_attention_layers": [1]},
            **{"max_position_embeddings": 2048, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
            **{"tie_word_embeddings": False, **ids},
        },
        vision_config={
            **{"hidden_size": _WIDTH, "intermediate_size": 2 * _WIDTH, "num_hidden_layers": 2},
            **{"num_global_layers": 1, "attention_heads": 4, "image_size": SIDE_PX, "patch_size": _PATCH_PX},
            **{"max_num_tiles": 1, "vision_output_dim": 3 * _WIDTH, "intermediate_layers_indices": [0, 1]},
            **{"supported_aspect_ratios": [[1, 1]]},
        },
        image_token_index=rows,
    )


_MAKERS = {"gemma3": _gemma3, "mllama": _mllama}
