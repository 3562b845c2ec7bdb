"""How a model of transformers makes text, as its own configuration says it."""

from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.generating import Rules


def rules_of(module: Any) -> Rules:
    """How a model of transformers makes text, out of its generation configuration; times of words are left out.

    Raises:
        LissomError: it says neither how text begins nor how it ends.
    """
    said = module.generation_config
    end = said.eos_token_id[0] if isinstance(said.eos_token_id, list) else said.eos_token_id
    if end is None or said.decoder_start_token_id is None:
        raise LissomError(
            f"the generation configuration of this {type(module).__name__} names no first or no last token",
            hint="generation_config.json needs decoder_start_token_id and eos_token_id",
        )
    forced = [int(token) for _, token in said.to_dict().get("forced_decoder_ids") or () if token is not None]
    banned = [words[0] for words in said.bad_words_ids or () if len(words) == 1]
    return Rules(
        prompt=(int(said.decoder_start_token_id), *forced),
        end=int(end),
        longest=int(said.max_length or module.config.max_length),
        suppressed=tuple(dict.fromkeys([*(said.suppress_tokens or ()), *banned])),
        suppressed_first=tuple(said.begin_suppress_tokens or ()),
        forced_end=said.forced_eos_token_id is not None,
        length_penalty=float(1.0 if said.length_penalty is None else said.length_penalty),
    )
