"""The patterns that moves in prose are made of: places, signs, values, commands, and what casts doubt on a move.

    >>> re.search(PLACE, "put 7 in row 3, column 4", re.IGNORECASE)["col"]
    '4'

Repetitions are bounded, so that a search takes time in proportion to the line. Groups of PLACE: row and col, row2 and
col2, x and y, i and j, i2 and j2 for cells; node, v, called for nodes by number; name for those by name (moves.py).
"""

from __future__ import annotations

import re

AMBIGUOUS = "may be no move"
REACH = 300  # characters around a move that are looked at for doubt
N = r"\d{1,6}(?!\d)"
PLACE = (
    rf"(?:(?<![A-Za-z0-9])(?:r(?:ow)?[\s_=#:\"']{{0,4}}(?P<row>{N})(?:st|nd|rd|th)?[\s,;/\"'-]{{0,4}}"
    r"(?:(?:of|and|in|&)\s{1,3})?"
    rf"c(?:ol(?:umn|\.)?)?[\s_=#:\"']{{0,4}}(?P<col>{N})(?![A-Za-z])"
    rf"|col(?:umn)?\s{{0,3}}(?P<col2>{N})\s{{0,3}},?\s{{0,3}}(?:(?:of|and|in)\s{{1,3}})?row\s{{0,3}}(?P<row2>{N})"
    rf"|cell\s{{1,2}}(?P<i2>{N})\s?,\s?(?P<j2>{N})"
    rf"|(?:node|vertex|region|country|state)[\s_#]{{0,3}}(?P<node>{N})|v_?(?P<v>{N})(?![A-Za-z])"
    rf"|(?:colou?rs?|c)\s?[\[(]\s?(?:node\s{{0,2}}|v)?(?P<called>{N})\s?[\])])"
    rf"|[(\[]\s{{0,3}}(?P<x>{N})\s{{0,3}},\s{{0,3}}(?P<y>{N})\s{{0,3}}[)\]]|\[\s?(?P<i>{N})\s?\]\s?\[\s?(?P<j>{N})\s?\]"
    "|\x01(?P<name>\\d{1,6})\x02)"
)
SIGN = r"\s{0,4}(?:==?>?|:=|:|-{1,2}>|→|⇒|↦|<--?|←|\s[–—-]\s)\s{0,4}"
VERB = r"(?:must\s+be|has\s+to\s+be|can\s+only\s+be|is(?:\s+now|\s+then)?|becomes|gets|takes|equals|receives)\s+"
ARTICLE = r"(?:(?:an?|the)\s+)?(?:(?:value|number|digit|colou?r)\s*)?[\"']?"
VALUE = rf"{ARTICLE}(?P<value>\d{{1,9}}|[A-Za-z]{{1,12}})[\"']?(?!\w)"
OWN = r"(?:'s)?(?:\s+(?:the\s+)?(?:value|colou?r))?"
COMMIT = rf"{PLACE}(?P<close>[\"')\]]?){OWN}\s{{0,3}}(?P<sign>{SIGN}|\s{VERB})(?:to\s+be\s+)?{VALUE}"
SET = r"\b(?:set|assign|make|mark|fix|change|update|correct|switch|colou?r|paint|fill(?:\s+in)?)"
TO = (
    rf"{SET}\s+(?:the\s+)?(?:(?:value|colou?r)\s+(?:of|in|at)\s+)?(?:cell\s+)?"
    rf"{PLACE}(?:\s+from\s+\w{{1,12}})?\s+(?:to|with|as)\s+{VALUE}"
)
PAINT = (
    rf"\b(?:colou?r|paint|make|give)\s+{PLACE}\s+(?:the\s+)?(?:colou?r\s+)?(?P<value>\d{{1,9}}|[A-Za-z]{{1,12}})(?!\w)"
)
INTO = (
    rf"\b(?:put|place|write|enter|insert|set|fill(?:\s+in)?|assign|give)\s+{VALUE}\s+(?:goes\s+)?(?:in|into|at|to|on)\s+"
    rf"(?:the\s+)?(?:cell\s+|square\s+|position\s+)?\(?{PLACE}"
)
HERE = (
    rf"\b(?:in|at|into)\s+{PLACE},?\s+(?:i|we|you)\s+(?:(?:can|must|now|then)\s+)?(?:place|put|write|enter|set|fill\s+in)\s+"
    rf"{VALUE}"
)
#: After a move of INTO's kind: "put 2 in r1c2 and 3 in r1c3".
CHAINED = re.compile(
    rf"\s{{0,3}}(?:,\s{{0,3}}(?:and\s+)?(?:then\s+)?|and\s+(?:then\s+)?|then\s+){VALUE}\s+(?:in|into|at|to)\s+(?:the\s+)?(?:cell\s+)?{PLACE}",
    re.IGNORECASE,
)
GOES = (
    rf"(?<![\w.])(?P<value>\d{{1,9}})\s+(?:goes|belongs)\s+(?:in|into|at|to)\s+(?:the\s+)?(?:cell\s+|square\s+)?{PLACE}"
)
CALL = (
    r"\b(?:place|set|fill|put|assign|write|commit|play|move|colou?r)(?:_?(?:cell|value|node|number|digit|colou?r))?\s?"
    rf"\(\s?(?P<first>{N})\s?,\s?(?P<second>{N}|[A-Za-z\"']{{1,14}})\s?(?:,\s?(?P<third>\d{{1,9}})\s?)?\)"
)
WITH = (  # row 1, col 2, value 3; node 5 (colour 2)
    rf"{PLACE}[\"')\]]?[\s,;(]{{1,3}}(?:with\s+)?(?:the\s+)?(?:value|val|digit|number|colou?r)\s{{0,2}}[:=]?\s{{0,2}}"
    r"[\"']?(?P<value>\d{1,9}|[A-Za-z]{1,12})[\"')]{0,2}(?!\w)"
)
ALONE = rf"^{PLACE}\s?[(\s]\s?(?P<value>\d{{1,9}})\)?\.?$"  # r1c2 3
AT = rf"^(?P<value>\d{{1,9}})\s?(?:at|in|@)\s?(?:cell\s+)?{PLACE}\.?$"  # 3 at r1c2
COMMITS = [
    re.compile(pattern, re.IGNORECASE) for pattern in (COMMIT, WITH, ALONE, AT, HERE, TO, PAINT, INTO, GOES, CALL)
]
VERBS = (
    r"(?:undo|erase|clear|remove|retract|delete|unset|unassign|uncolou?r|blank\s+out|revert|reset|cancel|take\s+back|"
    r"backtrack(?:\s+on)?)"
)
UNDO = re.compile(
    rf"\b{VERBS}\b\s{{0,3}}\(?\s{{0,3}}(?:the\s+)?(?:(?:value|colou?r|digit|move|commit|assignment|number|cells?|entry)\s+)?"
    rf"(?:(?P<held>\d{{1,9}}|[A-Z])\s+)?(?:(?:of|in|from|at)\s+)?(?:(?:the\s+)?cells?\s+)?"
    rf"(?:[a-z]\w{{0,9}}(?=[\[(]))?{PLACE}",
    re.IGNORECASE,
)
BACK = re.compile(rf"\btake\s+(?:the\s+)?(?:(?P<held>\d{{1,9}})\s+(?:from|in|at)\s+)?{PLACE}\s+back\b", re.IGNORECASE)
MORE = re.compile(rf"\s{{0,3}}(?:,\s{{0,3}}(?:and\s+)?|and\s+|&\s{{0,3}}){PLACE}(?!{SIGN}|\s+{VERB})", re.IGNORECASE)
#: Alone on its line, this takes back the last commit that still stands.
UNDONE = re.compile(
    r"[\s\[(<]*(?:(?:(?:i|we|i'll|we'll|let\s+me|let's|let\s+us|now|so|then|ok|okay|actually)[\s,.!]+|"
    r"(?:no|wait|hmm|oops)\s*[,.!][\s,.!]*){0,4}(?:undo|back-?track|scratch\s+(?:it|that|this)|"
    r"take(?:\s+(?:it|that|this))?\s+back|undo\s+(?:it|that|this)|"
    r"undo(?:\s+(?:the|my))?\s+last(?:\s+(?:move|step|commit|one|assignment))?)|go\s+back)(?:\(\s*\))?[\s\])>.!;]*",
    re.IGNORECASE,
)
COMMAND = re.compile(
    r"(?:^|\b(?:i|we|let\s+me|let's|let\s+us|must|should|will|shall|now|and|then|so|please|i'll|we'll|first|next|also|therefore|"
    r"hence|ok|okay|wait|no|oops|actually|again|(?:need|have|had|going)\s+to))[\s,:.>\-–—(]*$",
    re.IGNORECASE,
)
BOUND = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)[.!?;](?=\s|$)|:\s|,\s*(?:so|therefore|thus|hence)\b|\b(?:therefore|thus|hence)\b|=>|⇒",
    re.IGNORECASE,
)
#: Before a move, within its clause: then it is no move, or may be none.
DOUBT = re.compile(
    r"\b(?:if|suppos\w+|assum\w+|unless|whether|would|could|might|may(?:be)?|cannot|can\s+be|not|never|neither|nor|either|or|"
    r"perhaps|possibl[ey]|impossible|was|were|wrong|instead\s+of|rather\s+than|without|avoid|no\s+need|conflict\w*|clash\w*|"
    r"contradict\w*|violat\w*|invalid|illegal|candidates?|options?|choices?|domain|allowed|possibilit\w+|example|format|edges?|"
    r"neighbou?rs?|adjacent|connect\w*|between|imagine|pretend|what|why|how|when|once|until|before|earlier|previous\w*|"
    r"eliminat\w+|exclud\w+|rul\w+\s+out|from)\b|n't\b|\be\.g\b",
    re.IGNORECASE,
)
#: After a move, within its clause.
ONLY = re.compile(r"\bonly\s+(?:\w+\s+)?(?:candidate|option|choice|possibility)\b", re.IGNORECASE)  # no doubt
REFUTED = re.compile(
    r"\b(?:or|impossible|wrong|conflicts?|clash\w*|contradict\w*|violat\w*|invalid|illegal|fails?|dead\s+end|candidates?|"
    r"not\s+(?:possible|allowed|work|valid|legal))\b|n't\s+work",
    re.IGNORECASE,
)
HYPOTHESIS = re.compile(r"\b(?:if|suppos\w+|assum\w+|imagine|pretend)\b", re.IGNORECASE)
FOLLOWS = re.compile(r"\s*(?:then|this|that|which|but)\b", re.IGNORECASE)
AFTER = re.compile(
    r"\s*(?:$|[!)\]}>\"'|\[✓✔✅☑]|\.(?!\d)|;|,(?!\s*\d)|[–—#(]|//|--|<(?!=)|"
    r"(?:because|since|as|so|then|now|here|and(?!\s+\d)|by|due|given|for(?!\s+\d)|after|while|next|again|too|instead|therefore|"
    r"undo|erase|clear|remove|take|set|put|place)\b)",
    re.IGNORECASE,
)
LEFT = re.compile(r"(?:[\])\"'\w]\s*(?:,|\band\b|\bor\b|/)\s*)$", re.IGNORECASE)  # what ends so may list places
ANY_PLACE = re.compile(PLACE, re.IGNORECASE)
TELLS = re.compile(r"[\d\x01]")
LETTERED = re.compile(r"(?<!\w)(?:[A-P]\d{1,2}|[A-P]\s?,\s?\d{1,2})\s{0,3}(?:=|:|->|→|<-)\s{0,3}\d{1,2}(?!\w)")
PAIR = (
    r"(?P<key>\d{1,6}|[A-Za-z][\w .'-]{0,40}?)"
    r"\s{0,4}(?P<sign>:|=|:=|->|-->|→|=>|⇒|\s[–—-]\s|\|)\s{0,4}[\"']?(?P<value>\w{1,12})[\"']?"
)
BARE = re.compile(PAIR)
PARTED = re.compile(r"\s*[,;]\s*|\s*\.?\s*$")
TWO = re.compile(
    r"\(?\s?(?P<x>\d{1,6})\s?[, ]\s?(?P<y>\d{1,6})\s?\)?\s{0,3}(?::|=|->|→|=>)\s{0,3}(?P<value>\w{1,2})\s?[.,;]?"
)
#: What stands before a list of something else than an answer.
LISTING = re.compile(
    r"\b(?:edges?|neighbou?rs?|adjacen\w*|candidates?|options?|possib\w+|domains?|palette|available|choices|allowed|remaining|"
    r"constraints?|missing|example|indices|shape|links?|connections?|borders?)\b",
    re.IGNORECASE,
)
