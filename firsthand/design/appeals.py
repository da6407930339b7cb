"""Appeals to authority or fashion, which are refused where a reason belongs.

The rule. What others do, or how new a thing is, is no reason: it says nothing of the data at hand. So it is refused

- in the front matter, which has room for reasons alone: every statement, choice, refused alternative;
- in the sections "Decisions" and "Alternatives", sentence by sentence. There a sentence is history, and passes, if it
  names a year and draws no conclusion from it: "In 1998 this was the state of the art." passes, "It was the state of
  the art in 1998, so we use it." does not.

The words are plain ones, so that a harmless sentence may be refused ("modern" pens); say what is meant instead (pens
of the last ten years). Naming a model as the pattern ("as in BERT") is an appeal, and so is naming the paper ("as in
the paper"), since what a paper did is what a design is to explain. Naming data, a claim or anything that the design
declares ("as in MNIST") is none, nor is a comparison ("twice as many weights as ResNet-20").
"""

import re
from collections.abc import Iterable, Iterator

_USE = r"(?:uses?|used|do|does|did|prefers?|preferred|recommends?|recommended|ch(?:oo|o)ses?|adopts?|adopted|said|says)"
_OTHERS = (
    r"(?:everybody|everyone|nobody|no one|others|experts|practitioners|google|openai|deepmind|meta|microsoft|nvidia|"
    r"(?:most|many|other|all(?: the)?(?: major| big| leading)?) (?:people|papers|practitioners|researchers|labs|teams)|"
    r"(?:recent|previous|prior|earlier|other|related) (?:work|papers|research)|"
    r"the (?:original )?(?:community|field|industry|literature|authors|experts))"
)
_PATTERNS = (
    # what is praised for being new, or for being everywhere
    r"state[- ]of[- ]the[- ]art",
    r"\bsota\b",
    r"\b(?:cutting[- ]edge|best[- ]in[- ]class|gold[- ]standard|de[- ]facto|all the rage|leaderboards?)\b",
    r"\b(?:popular|fashionable|trendy|modern|mainstream|ubiquitous|nowadays|these days|traditionally)\b",
    r"\b(?:outdated|obsolete|old[- ]fashioned|out of fashion)\b",
    r"\b(?:battle[- ]tested|time[- ]tested|tried and (?:true|tested)|well[- ]established)\b",
    r"\b(?:it|this|that)(?:'s| is) (?:the )?(?:new|newer|newest|latest)\b",
    r"\bwidespread (?:use|adoption|practice|in)\b",
    # what is called usual
    r"\b(?:best|common|standard|usual|accepted|good|established|current) practices?\b",
    r"\bconventional wisdom\b",
    r"\bby (?:convention|tradition)\b",
    r"\bindustry(?:'s)?[- ](?:standards?|default|norm)\b",
    r"\b(?:is|are) the norm\b(?! of)",
    r"\b(?:is|are) (?:the |a )?standard\b(?! (?:deviation|error|normal|score))",
    r"\b(?:standard|usual|obvious|default|go-to|natural|classic|canonical|common|commonest|preferred|proven|typical|"
    r"dominant|leading|successful|famous|latest|newest|well-known) "
    r"(?:choice|option|solution|architecture|approach|design|method|model|recipe|technique|way)\b",
    r"\b(?:commonly|widely|usually|generally|typically|routinely|often|universally) "
    r"(?:used|chosen|adopted|applied|accepted|recommended|preferred)\b",
    # what others do or say
    rf"\b{_OTHERS} (?:now |else |today |still |has |have )?(?:{_USE}|knows?|moved|converged|shown|shows?)\b(?! not)",
    rf"\bwhat (?:people|others|everyone|everybody|the (?:community|field|industry)) {_USE}\b",
    rf"\b(?:used|adopted|recommended|preferred|endorsed|advised) (?:by|in|at) {_OTHERS}\b",
    r"\b(?:like|as) (?:everyone|everybody) else\b",
    r"\bon the authority of\b",
    r"\bknown to (?:work|help|perform|be (?:good|better|best))\b",
    r"\b(?:works?|performs?) (?:very )?well in practice\b",
    r"\bwon (?:the |an? )?(?:\w+ ){0,2}(?:challenge|competition|contest|prize|award)\b",
    r"\b(?:as in|as done in|as|following|we follow|according to) the (?:original )?(?:paper|authors)(?: does| do| did)?"
    r"(?=[.,;:)]| by\b|$)",
    r"\bthe (?:original )?(?:paper|authors) (?:does|do|did|has|have|uses?|used) (?:it|this|so|the same)\b",
    rf"\b(?:because|since|as) (?:the |its )?[\w.\-]+(?: et al\.?| and \w+)? {_USE} "
    r"(?:it|so|this|that|them|these|one|the same)\b",
)
_APPEAL = re.compile("|".join(_PATTERNS), re.IGNORECASE)
_LIKE_A_MODEL = re.compile(
    r"\b(?:[Aa]s(?: used| done| proposed| introduced)? (?:in|with|by)|[Aa]s(?= [\w\-]+ (?:does|do|did)\b)|"
    r"[Ll]ike(?: in)?|[Ff]ollowing|[Bb]ased on|(?:[Cc]opied|[Tt]aken|[Bb]orrowed) from|[Ii]nspired by)(?: the)? "
    r"((?:[A-Z][\w\-]*[A-Z0-9][\w\-]*)|Transformers?|Inception|Llama|Gemini|Mamba)\b"
)
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
REASONED = ("Decisions", "Alternatives")  # the sections that give reasons
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
