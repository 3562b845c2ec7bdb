"""How a model of transformers makes text, as its own configuration says it."""

from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.generating import Rules
from lissom.tasks.prompts import prompt_of

_LENGTHS = ("max_length", "max_target_positions", "max_position_embeddings")
# What of a generation configuration is not followed, beside the values that mean nothing.
_LEFT = {
    "no_repeat_ngram_size": (None, 0),
    "encoder_no_repeat_ngram_size": (None, 0),
    "repetition_penalty": (None, 1.0),
    "encoder_repetition_penalty": (None, 1.0),
    "exponential_decay_length_penalty": (None,),
    "sequence_bias": (None,),
    "guidance_scale": (None, 1.0),
    "stop_strings": (None,),
    "do_sample": (None, False),
    "force_words_ids": (None,),
    "num_beam_groups": (None, 1),
    "diversity_penalty": (None, 0.0),
    "penalty_alpha": (None,),
}


def rules_of(module: Any, language: str | None = None) -> Rules:
    """How a model of transformers makes text, out of its generation configuration; times of words are left out.

    Args:
        module: the model.
        language: of the speech, for one that listens and knows several.

    Raises:
        LissomError: it does not say how text begins, how it ends, how long it is or which language it is in, or it
            has no room for an answer.
    """
    said = module.generation_config
    end = said.eos_token_id[0] if isinstance(said.eos_token_id, list) else said.eos_token_id
    if end is None or said.decoder_start_token_id is None:
        raise LissomError(
            f"the generation configuration of this {type(module).__name__} names no first or no last token",
            hint="generation_config.json needs decoder_start_token_id and eos_token_id",
        )
    banned = [words[0] for words in said.bad_words_ids or () if len(words) == 1]
    prompt, forced = prompt_of(module, language), said.forced_bos_token_id
    first = () if forced is None or len(prompt) > 1 else (int(forced),)  # it is forced behind a single token alone
    return Rules(
        prompt=(*prompt, *first),
        end=int(end),
        longest=_longest(module, len(prompt), len(prompt) + len(first)),
        suppressed=tuple(dict.fromkeys([*(said.suppress_tokens or ()), *banned])),
        suppressed_first=tuple(said.begin_suppress_tokens or ()),
        forced_end=said.forced_eos_token_id is not None,
        length_penalty=float(1.0 if said.length_penalty is None else said.length_penalty),
        counted=len(first),
        shortest=len(prompt) + said.min_new_tokens if said.min_new_tokens else int(said.min_length or 0),
        renormalised=bool(said.renormalize_logits),
        early=said.early_stopping is True,
    )


def unfollowed(module: Any) -> tuple[str, ...]:
    """What of a model's generation configuration text is made without, as notes for people."""
    said = module.generation_config
    left = [f"{name} {getattr(said, name)}" for name, usual in _LEFT.items() if getattr(said, name, None) not in usual]
    if any(len(words) > 1 for words in said.bad_words_ids or ()):
        left.append("bad_words_ids of several tokens")
    if said.early_stopping == "never":
        left.append("early_stopping never")
    if isinstance(said.eos_token_id, list) and len(said.eos_token_id) > 1:
        left.append(f"eos_token_id {', '.join(map(str, said.eos_token_id[1:]))}, behind the first")
    return (f"of its generation configuration is not followed: {'; '.join(left)}",) if left else ()


def _longest(module: Any, prompt: int, begun: int) -> int:
    """Tokens of an answer at most, its prompt among them: as many as are told, and as the decoder has places for.

    Args:
        module: the model.
        prompt: tokens that are not counted as new ones.
        begun: tokens that an answer begins with.
    """
    told, places = _told(module, prompt), getattr(module.config, "max_target_positions", None)
    longest = told if places is None else min(told, int(places))
    if longest <= begun:
        raise LissomError(
            f"an answer of this {type(module).__name__} has {longest} tokens at most, and begins with {begun}",
            hint="max_length or max_new_tokens in generation_config.json says how long it may be",
        )
    return longest


def _told(module: Any, prompt: int) -> int:
    said = module.generation_config
    if said.max_new_tokens:
        return prompt + int(said.max_new_tokens)
    told = [said.max_length, *(getattr(module.config, name, None) for name in _LENGTHS)]
    longest = next((length for length in told if length), None)
    if longest is None:
        raise LissomError(
            f"this {type(module).__name__} does not say how long an answer may be",
            hint="generation_config.json needs max_length",
        )
    return int(longest)
