"""Texts that are hard to cut, and long ones made from a seed."""

import random

from hypothesis import strategies as st

# Capitals whose lower case depends on their place or is longer; letters, marks and spaces of many
# kinds; characters of one, two and four bytes in Python's strings; half of a surrogate pair.
HARD = (
    "aAzZ09_ΑΣσςİıßẞǅﬁKÅ\u0301\u0307 \t\n\v\x1c\x85\u00a0\u2028\u3000-'."
    "中文々ーかッกที่ສ한글हिन्दी𝔸🙂\ud800"
)

# Each character by its own: `st.text` over a mixture of alphabets hardly draws the first one.
hard_texts = st.lists(
    st.lists(st.sampled_from(HARD) | st.characters(), max_size=24).map("".join),
    min_size=1,
    max_size=6,
)


def prose(texts: int, *, seed: int = 0, letters: str = "etaoinéСщ中") -> list[str]:
    """Return texts whose words are drawn with falling frequency from some hundreds."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(letters, k=draw.randint(1, 7))) for _ in range(600)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    return [
        " ".join(draw.choices(words, weights, k=draw.randint(0, 80))).capitalize() + "."
        for _ in range(texts)
    ]
