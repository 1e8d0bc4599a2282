"""What a name says beneath its spelling: words without case, punctuation, accents and legal forms; numbers and their units."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import OSA, Postfix, Prefix

LEGAL_FORMS = frozenset(
    word
    for line in (
        "ab ag aps as bv bvba co company corp corporation gmbh inc incorporated kg kgaa limited llc llp lp ltd nv oy oyj",
        "plc pte pty sa sarl sas se spa srl",
    )
    for word in line.split()
)
SHORT_FORMS = dict(
    pair.split(":")
    for line in (
        "amer:american assn:association assoc:association bros:brothers dept:department inst:institute intl:international",
        "jrnl:journal mfg:manufacturing natl:national publ:publishing publs:publications soc:society svcs:services",
        "univ:university",
    )
    for pair in line.split()
)
"""Short forms of which everybody knows the long one; others need shared categories."""
_LONG_FORMS = tuple(form for form in sorted(LEGAL_FORMS) if len(form) > 6)
STOP_WORDS = frozenset({"and", "by"})
"""Words that a title may leave out. An article may be a name's: Vitamin A, The Who."""
ROMAN = frozenset("ii iii iv vi vii viii ix xi xii xiii xiv xv xvi".split())  # noqa: SIM905
"""Numerals that tell one thing from the next; a single letter always does."""
COLOURS = frozenset(
    word
    for line in (
        "amber aqua beige black blue bronze brown burgundy charcoal chrome clear copper coral cream crimson cyan gold golden",
        "green grey gray indigo ivory khaki lavender lilac lime magenta maroon mint mustard navy ochre olive orange peach pink",
        "plum purple red rose ruby rust sand scarlet silver tan teal transparent turquoise violet white yellow",
    )
    for word in line.split()
)
ATTRIBUTES = COLOURS | frozenset(
    word
    for line in (
        # sizes, fit and place
        "xxs xs small medium large xl xxl xxxl extra jumbo king queen twin single double triple mini micro maxi midi full half",
        "narrow regular slim wide long short tall petite left right front rear upper lower inner outer top bottom",
        "north south east west",
        # for whom
        "adult adults baby babies boy boys child children childs girl girls infant junior kid kids lady ladies male female",
        "man men mens senior toddler unisex woman women womens youth cat cats dog dogs",
        # materials
        "acrylic aluminium aluminum bamboo brass canvas carbon ceramic cotton denim fleece glass iron leather linen marble",
        "metal nylon oak plastic polyester porcelain rubber satin silicone silk stainless steel stone suede titanium velvet",
        "walnut wood wooden wool",
        # format and edition
        "audio audiobook blu ray cassette cd deluxe digital dvd ebook edition hardback hardcover kindle limited online original",
        "paperback part premium print pro refill refurbished renewed sample series set standard subscription trial ultra used",
        "vinyl volume season",
        # time
        "annual annually biweekly daily monthly quarterly weekly year yearly month months years week weeks january february",
        "march april may june july august september october november december spring summer autumn fall winter",
        # counted, and flavours and scents
        "one two three four five six seven eight nine ten first second third dozen pair pack apple banana berry caramel cherry",
        "chocolate cinnamon citrus coconut coffee garlic ginger grape honey lemon mango melon peanut pepper peppermint",
        "raspberry salted spicy strawberry sweet unsalted unscented vanilla decaf decaffeinated light dark mild bold",
    )
    for word in line.split()
)
"""Words that tell variants of a product apart: they are never a misspelling of anything."""

_UNITS = {
    **dict.fromkeys(("ml", "milliliter", "milliliters", "millilitre", "millilitres"), ("ml", 1.0)),
    **dict.fromkeys(("cl",), ("ml", 10.0)),
    **dict.fromkeys(("l", "liter", "liters", "litre", "litres", "ltr"), ("ml", 1000.0)),
    **dict.fromkeys(("mg",), ("g", 0.001)),
    **dict.fromkeys(("g", "gr", "gram", "grams", "gramme"), ("g", 1.0)),
    **dict.fromkeys(("kg", "kilo", "kilos", "kilogram", "kilograms"), ("g", 1000.0)),
    **dict.fromkeys(("mm",), ("mm", 1.0)),
    **dict.fromkeys(("cm",), ("mm", 10.0)),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), ("mm", 1000.0)),
    **dict.fromkeys(("in", "inch", "inches", '"', "”"), ("in", 1.0)),
    **dict.fromkeys(("ft", "foot", "feet"), ("in", 12.0)),
    **dict.fromkeys(("oz", "ounce", "ounces"), ("oz", 1.0)),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), ("oz", 16.0)),
    **dict.fromkeys(("mb",), ("gb", 0.001)),
    **dict.fromkeys(("gb",), ("gb", 1.0)),
    **dict.fromkeys(("tb",), ("gb", 1000.0)),
    **dict.fromkeys(("pack", "packs", "pk", "ct", "count", "pcs", "pc", "piece", "pieces"), ("count", 1.0)),
}
_NUMBER = r"(?:\d+(?:\.\d+)?|(?<!\w)\.\d+)"
_QUANTITY = re.compile(rf"({_NUMBER})\s*-?\s*({'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![^\W\d_])")
_COUNTED = re.compile(
    r"\b(book|chapter|episode|issue|model|no|number|part|season|series|size|vol|volume)s?\.?\s*#?\s*(\d+)\b(?!\.\d)"
)
_PACK_OF = re.compile(r"\b(?:pack|set|box|case)\s+of\s+(\d+)\b")
_COUNTED_AS = {"vol": "volume", "no": "number"}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_DECIMAL = re.compile(r"(?<=\d),(?=\d)")
_TOKEN = re.compile(rf"{_NUMBER}|[^\W\d_]+|[+<>=%♂♀]|(?<![^\s(])-(?=\d)|(?<=[^\W\d_])#")
_JOINERS = re.compile(r"['’`´]|(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
"""What stands within a word: the point of U.S., never that of 2.0."""
_PARTED = re.compile(r",|;|/|\||[(\[]|(?<=\s)[-–—](?=\s)")
_MARKED = re.compile(r"[™®©]|\((?:r|tm|c)\)", re.IGNORECASE)
"""Signs of a trade mark, as letters too: Acme (R)."""
_VOWELS = frozenset("aeiouy")
_BETWEEN = frozenset({"for", "from", "in", "into", "not", "of", "on", "over", "to", "under", "versus", "vs", "with", "without"})
"""Words whose neighbours must not change places: USB to HDMI is not HDMI to USB."""
_PREFIX = 3
"""Letters of the longest word that makes one code with the number after it, as in X 100."""


def folded(name: str) -> str:
    """The name without case and compatibility forms; accents stay.

    Example:
        >>> folded("Ｎestlé™")
        'nestlé'
    """
    return unicodedata.normalize("NFKC", _MARKED.sub("", name)).casefold()


def unaccented(name: str) -> str:
    """The name without accents.

    Example:
        >>> unaccented("nestlé"), unaccented("華星")
        ('nestle', '華星')
    """
    parts = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFC", "".join(sign for sign in parts if unicodedata.category(sign) != "Mn"))


def words(name: str) -> list[str]:
    """The name's words in order: no case, no punctuation; `&` is `and`, letters and digits part.

    Example:
        >>> words("Nat'l Arts & Crafts, U.S. No.5")
        ['natl', 'arts', 'and', 'crafts', 'us', 'no', '5']
    """
    plain = _JOINERS.sub("", folded(name).replace("&", " and ").replace("−", "-"))
    return _TOKEN.findall(unicodedata.normalize("NFC", plain))


def core(name: str) -> list[str]:
    """The words of a brand without `the` before and legal forms after them, unless nothing else is there; known short forms
    written out.

    Example:
        >>> core("The Acme Co., Inc."), core("Fjord & Søn GmbH & Co. KG"), core("Co Inc")
        (['acme'], ['fjord', 'and', 'søn'], ['co'])
        >>> core("Bonnier Corpiration"), core("Tablet Publ Co")
        (['bonnier'], ['tablet', 'publishing'])
    """
    kept = words(name)
    if len(kept) > 1 and kept[0] == "the":
        kept = kept[1:]
    while len(kept) > 1 and (kept[-1] == "and" or _is_legal_form(kept[-1])):
        kept = kept[:-1]
    return [SHORT_FORMS.get(word, word) for word in kept]


def _is_legal_form(word: str) -> bool:
    """Whether the word is one, or a long one misspelt."""
    return word in LEGAL_FORMS or (len(word) > 6 and any(OSA.distance(word, form, score_cutoff=1) <= 1 for form in _LONG_FORMS))


def marks(tokens: Iterable[str]) -> list[str]:
    """The words that tell names apart whatever else is alike: numbers, numerals, single letters.

    Example:
        >>> marks(["model", "x", "200"]), marks(["bnp", "media", "ii"])
        (['200', 'x'], ['ii'])
    """
    return sorted(word for word in tokens if word[0].isdigit() or word[0] == "." or len(word) == 1 or word in ROMAN)


def abbreviates(short: str, long: str) -> bool:
    """Whether the word is a short form of the other: its start, or its first to its last letter with gaps.

    Example:
        >>> abbreviates("intl", "international"), abbreviates("publ", "publishing"), abbreviates("assn", "association")
        (True, True, True)
        >>> abbreviates("sport", "sports"), abbreviates("men", "women"), abbreviates("sports", "sportswear")
        (False, False, False)
    """
    if not 3 <= len(short) <= 5 or len(long) < len(short) + 2 or short[0] != long[0]:
        return False
    if long.startswith(short):
        return len(short) <= 4
    letters = iter(long)
    return short[-1] == long[-1] and all(letter in letters for letter in short)


def initials(tokens: Sequence[str]) -> set[str]:
    """The names that initials make of these words, `and` and `of` counted or not; at least three letters.

    Example:
        >>> sorted(initials(["bank", "of", "new", "york"]))
        ['bny', 'bony']
    """
    short = [word for word in tokens if word not in ("and", "of", "the", "for")]
    return {made for made in ("".join(word[0] for word in kept) for kept in (tokens, short)) if len(made) >= 3}


def misspells(one: str, other: str) -> int | None:
    """How many slips lead from one word to the other, None where they are two words.

    Words of up to four letters have no slips, of up to eight one, longer ones two; none in the first letter; a plural is none.

    Example:
        >>> misspells("espresso", "expresso"), misspells("espresso", "esprssoo"), misspells("filter", "filters")
        (1, None, None)
        >>> misspells("marker", "barker"), misspells("cart", "card")
        (None, None)
    """
    shorter = min(len(one), len(other))
    if another_word(one, other):
        return None
    if shorter < 5 or one[0] != other[0] or one in ATTRIBUTES or other in ATTRIBUTES or one + "s" == other or other + "s" == one:
        return None
    most = 1 if shorter <= 8 else 2
    slips = OSA.distance(one, other, score_cutoff=most)
    return slips if slips <= most else None


def another_word(one: str, other: str) -> bool:
    """Whether two words that lie a slip or two apart are more likely two words: one vowel for another, or another ending.

    Example:
        >>> another_word("sulfite", "sulfate"), another_word("gloss", "glossy"), another_word("instructor", "instruction")
        (True, True, True)
        >>> another_word("espresso", "expresso"), another_word("kettle", "kettel"), another_word("grinder", "grnder")
        (False, False, False)
    """
    start = Prefix.similarity(one, other)
    end = Postfix.similarity(one[start:], other[start:])
    mine, theirs = one[start : len(one) - end], other[start : len(other) - end]
    if sorted(mine) == sorted(theirs):  # letters that changed places
        return False
    vowels = len(mine) == len(theirs) and all(letter in _VOWELS for letter in mine + theirs)
    return vowels or end == 0


def mistyped(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether all that parts two names looks like a slip of the hand, and not like another word (see `another_word`).

    Example:
        >>> mistyped(["neutrogena"], ["nuetrogena"]), mistyped(["conde", "nast"], ["cond", "nast"])
        (True, False)
        >>> mistyped(["stone", "bridge"], ["stone", "ridge"]), mistyped(["anderson"], ["andersen"])
        (False, False)
    """
    pairs = zip(one, other, strict=True) if len(one) == len(other) else [("".join(one), "".join(other))]
    return all(a == b or (a[0] == b[0] and not another_word(a, b)) for a, b in pairs)


def respells(one: Sequence[str], other: Sequence[str], *, sure: bool = False) -> bool:
    """Whether two names that lie a slip or two apart are one name misspelt, word by word, and not one with another word in it.

    Where much else says so (`sure`), short words may be misspelt too.

    Example:
        >>> respells(["conde", "nast"], ["cond", "nast"]), respells(["electro", "lux"], ["elektrolux"])
        (True, True)
        >>> respells(["hearst"], ["hearst", "uk"]), respells(["idp", "publications"], ["ic", "publications"])
        (False, False)
        >>> respells(["ediciones", "nast"], ["editions", "nast"]), respells(["br", "cosmetics"], ["bhcosmetics"])
        (False, False)
    """
    if len(one) != len(other):
        extra = list((Counter(one) - Counter(other)).elements()), list((Counter(other) - Counter(one)).elements())
        return all(extra) and len(_slipped(*sorted((one, other), key=len, reverse=True))) >= 5
    if sure:
        return True
    twice = 8 if len(one) == 1 else 10  # letters; among several words a word of eight is more likely another one
    return all(
        max(len(a), len(b)) >= 5 and OSA.distance(a, b) <= (1 if min(len(a), len(b)) < twice else 2)
        for a, b in zip(one, other, strict=True)
        if a != b
    )


def _slipped(words: Sequence[str], other: Sequence[str]) -> str:
    """The first word of a name that the other name, written in fewer words, spells otherwise."""
    same = Prefix.similarity("".join(words), "".join(other))
    for word in words:
        if same < len(word):
            return word
        same -= len(word)
    return words[-1]


@dataclass(frozen=True, slots=True)
class Title:
    """A product's title in parts."""

    words: tuple[str, ...]
    """The words in alphabetical order that are neither numbers nor attributes."""
    marks: tuple[tuple[str, ...], ...]
    """What must be equal: numbers with the code before them, quantities with units (those of one unit in order), colours in
    order, other attributes, letters and numerals, and what stands on either side of a word such as `to`."""
    order: tuple[str, ...] = field(compare=False)
    """The words and the attributes that are no colours in their order."""
    parted: bool = field(compare=False)
    """Whether commas, dashes or brackets part the title: parts may change places."""

    def ordered_as(self, order: Sequence[str], *, parted: bool = False) -> bool:
        """Whether the same words in this order can say the same: House Boat is no Boat House.

        Parts of a title may change places where it is `parted` or at least three words long, and then as a whole.

        Example:
            >>> Title.of("Kettle, Travel").ordered_as(["travel", "kettle"]), Title.of("Cat House").ordered_as(["house", "cat"])
            (True, False)
            >>> tent = Title.of("Family Camping Tent")
            >>> tent.ordered_as(["tent", "family", "camping"]), tent.ordered_as(["camping", "family", "tent"])
            (True, False)
        """
        mine, theirs = self.order, tuple(order)
        turns = range(len(mine)) if len(mine) > 2 else (0,)
        return self.parted or parted or any(mine[turn:] + mine[:turn] == theirs for turn in turns)

    @classmethod
    def of(cls, title: str, *, without: Sequence[str] = ()) -> "Title":
        """The title's parts; stop words, and the words `without` (the brand's) where all occur, are left out.

        Example:
            >>> Title.of("Acme Kettle, 1.5 L (Red)", without=["acme"]) == Title.of("RED kettle 1500ml by Acme", without=["acme"])
            True
            >>> Title.of("Kettle 200") == Title.of("Kettle 300")
            False
        """
        plain = _DECIMAL.sub(".", _THOUSANDS.sub("", folded(title)))
        quantities: list[str] = []

        def taken(found: re.Match[str]) -> str:
            unit, factor = _UNITS[found[2]] if found.lastindex == 2 else ("count", 1.0)
            quantities.append(f"{float(found[1]) * factor:g} {unit}")
            return " "

        def counted(found: re.Match[str]) -> str:
            quantities.append(f"{int(found[2])} {_COUNTED_AS.get(found[1], found[1])}")
            return " "

        tokens = words(_QUANTITY.sub(taken, _PACK_OF.sub(taken, _COUNTED.sub(counted, plain))))
        if without and not Counter(without) - Counter(tokens):
            left = Counter(without)
            tokens = [word for word in tokens if not _took(left, word)]
        numbers = tuple(
            f"{before if len(before) <= _PREFIX else ''} {float(word):g}"
            for before, word in zip(["", *tokens], tokens, strict=False)
            if word[0].isdigit() or word[0] == "."
        )
        sides = tuple(
            sorted(" ".join(tokens[max(0, place - 1) : place + 2]) for place, word in enumerate(tokens) if word in _BETWEEN)
        )
        colours = tuple(word for word in tokens if word in COLOURS)  # black on white is not white on black
        attributes = tuple(sorted(word for word in tokens if word in ATTRIBUTES - COLOURS))
        letters = tuple(sorted(word for word in tokens if word in ROMAN or (len(word) == 1 and not word.isdigit())))
        order = [w for w in tokens if w.isalpha() and len(w) > 1 and w not in COLOURS | STOP_WORDS | ROMAN]
        rest = sorted(word for word in order if word not in ATTRIBUTES)
        measured = tuple(sorted(quantities, key=lambda one: one.split()[-1]))  # 8 GB and 16 GB are not 16 GB and 8 GB
        marked = (numbers, measured, colours, attributes, letters, sides)
        return cls(tuple(rest), marked, tuple(order), parted=bool(_PARTED.search(title)))


def _took(left: Counter[str], word: str) -> bool:
    """Take one of this word out of what is left, and say whether there was one."""
    if not left[word]:
        return False
    left[word] -= 1
    return True
