"""Appeals to authority or fashion, which are refused where a reason belongs.

The rule. What others do, or how new a thing is, is no reason: it says nothing of the data at hand. So it is refused

- in the front matter, which has room for reasons alone: every statement, choice, refused alternative;
- in the section "Decisions", sentence by sentence. There a sentence is history, and passes, if it names a year and
  draws no conclusion from it: "In 1998 this was the state of the art." passes, "It was the state of the art in 1998,
  so we use it." does not.

The words are plain ones, so that a harmless sentence may be refused ("modern" pens); say what is meant instead (pens
of the last ten years). Naming a model as the pattern ("as in BERT") is an appeal; naming data, a claim or anything that
the design declares ("as in MNIST") is not.
"""

import re
from collections.abc import Iterable, Iterator

_PATTERNS = (
    r"state[- ]of[- ]the[- ]art",
    r"\bsota\b",
    r"\bcutting[- ]edge\b",
    r"\b(best|common|standard|usual|accepted|good) practices?\b",
    r"\bindustry[- ]standards?\b",
    r"\bde[- ]facto\b",
    r"\b(?:(?:commonly|widely|usually|generally|typically|routinely|often|universally) )"
    r"(?:used|chosen|adopted|applied|accepted|recommended|preferred)\b",
    r"\b(?:everybody|everyone|most people|most papers|the (?:community|field|industry|literature)) "
    r"(?:(?:now|else|today) )?(?:uses?|used|does|do|did|prefers?|preferred|recommends?|chose|chooses|has moved)\b",
    r"\b(?:popular|fashionable|trendy|modern|battle[- ]tested|time[- ]tested|tried and (?:true|tested))\b",
    r"\b(?:the|an?) (?:usual|obvious|default|go-to|natural|classic|proven) (?:choice|option|solution)\b",
    r"\bgold standard\b",
    r"\b(?:is|are|it's|well) (?:well )?known to (?:work|be (?:good|better|best))\b",
    r"\b(?:because|since|as) (?:the |its )?[\w.\-]+(?: et al\.?| and \w+)? "
    r"(?:uses?|used|chose|chooses|recommends?|recommended|prefers?|preferred|adopts?|adopted|does|did|do) "
    r"(?:it|so|this|that|them|these|one|the same)\b",
)
_APPEAL = re.compile("|".join(_PATTERNS), re.IGNORECASE)
_LIKE_A_MODEL = re.compile(
    r"\b(?:[Aa]s|[Ll]ike|[Ff]ollowing|(?:[Cc]opied|[Tt]aken|[Bb]orrowed) from)(?: in| with| by)?(?: the)? "
    r"((?:[A-Z][\w\-]*[A-Z0-9][\w\-]*)|Transformers?|Inception|Llama|Gemini|Claude|Mamba)\b"
)
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_CONCLUDES = re.compile(
    r"\b(?:because|since|so|therefore|thus|hence|that is why|which is why|as (?:it|this|that|they|these|such)|"
    r"we (?:use|chose|choose|take|follow))\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?;]+(?:[.!?;](?!\s|$)[^.!?;]*)*(?:[.!?;]|$)", re.DOTALL)


def appeal(text: str, declared: Iterable[str] = ()) -> str:
    """The words with which a text appeals to authority or fashion, or nothing. `declared` names are no models."""
    plain = " ".join(text.split())
    found = _APPEAL.search(plain)
    if found:
        return found[0]
    known = set(declared)
    return next((like[0] for like in _LIKE_A_MODEL.finditer(plain) if like[1] not in known), "")


def appeals(text: str, declared: Iterable[str] = ()) -> Iterator[tuple[int, str]]:
    """The appeals of a piece of prose, each with the place where its sentence starts; history passes."""
    known = list(declared)
    text = text.replace("et al.", "et al ")  # no end of a sentence
    for paragraph in re.finditer(r"(?:[^\n]|\n(?!\s*\n))+", text):
        for sentence in _SENTENCE.finditer(paragraph[0]):
            history = _YEAR.search(sentence[0]) and not _CONCLUDES.search(sentence[0])
            words = "" if history else appeal(sentence[0], known)
            if words:
                lead = len(sentence[0]) - len(sentence[0].lstrip())
                yield paragraph.start() + sentence.start() + lead, words
