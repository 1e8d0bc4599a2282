"""The words that attributes are read by: what they are called in English, German, Spanish, French and Chinese.

Each table maps the name an attribute's value gets to the patterns of its words, separated by `|` (no `|` within a group).
"""

from collections.abc import Mapping

UNITS: Mapping[str, str] = {
    "fl oz": r"fl[.\s-]{0,2}(?:oz|ounces?)|fluid\s(?:oz|ounces?)",
    "oz": r"oz|ounces?",
    "lb": r"lbs?|pounds?",
    "kg": r"kgs?|kilograms?|kilos?",
    "mg": r"mg|milligrams?",
    "g": r"(?-i:g)|grams?|gramm|gr",
    "ml": r"ml|millilit(?:er|re)s?",
    "cl": r"cl",
    "l": r"l|lit(?:er|re)s?|ltr",
    "gal": r"gal|gallons?|ga",
    "qt": r"qts?|quarts?",
    "pt": r"pints?",
    "cm": r"cm|centimet(?:er|re)s?",
    "mm": r"mm|millimet(?:er|re)s?",
    "m": r"(?-i:m)|met(?:er|re)s?",
    "ft": r"ft|feet|foot",
    "yd": r"yds?|yards?",
    "in": r"inch(?:es)?",
}
"""Units of a size."""
LENGTHS: Mapping[str, str] = {
    **{name: UNITS[name] for name in ("cm", "mm", "m", "yd")},
    "ft": rf"(?:{UNITS['ft']})\.?|['′]",
    "in": r"inch(?:es)?|in\.?|[\"”″]",
}
"""Units of sides: between numbers, `in` and marks are no words and no quotations."""
COUNTED = (
    r"capsules|vcaps|caps|caplets|tablets|tabs|soft\s?gels|gelcaps|liquid\sgels|pills|lozenges|gummies|chews"
    "|rolls|bags|sachets|packets|packs|pouches|pods|k-cups|cans|bottles|bars|cartons|sticks|wipes|diapers|nappies|pairs|pads"
    "|tampons|liners|swabs|tissues|napkins|filters|cartridges|refills|pens|pencils|markers|crayons|batteries|envelopes|hangers"
    "|screws|nails|bulbs|strips|patches|stickers|labels|blocks|darts|teabags|stuks|kapseln|tabletten|rollen|beutel|sheets"
)
"""Things that are many in a pack."""
COUNTED_WORDS = (
    "vegetarian|vegan|veggie|vegetable|veg|v|chewable|coated|film-coated|mega|double|triple|family|super|jumbo|giant|large|small"
    r"|regular|single|mini|soft|liquid|rapid[\s-]release|extended[\s-]release|quick[\s-]release|aa|aaa|tea|trash|individual"
    "|baby|wet|cleansing|sugar-free|gelatin|easy-to-swallow|fresh"
)
"""Words between a number and what it counts."""
LETTERS: Mapping[str, str] = {
    "SMALL": "S",
    "MEDIUM": "M",
    "LARGE": "L",
    "X-SMALL": "XS",
    "X-LARGE": "XL",
    "XLARGE": "XL",
    "XX-LARGE": "XXL",
    "XXX-LARGE": "XXXL",
    "EXTRA SMALL": "XS",
    "EXTRA LARGE": "XL",
    "2XL": "XXL",
    "3XL": "XXXL",
}
"""Clothing sizes in words."""

COLOURS: Mapping[str, str] = {
    "black": "black|schwarz(?:e[rsnm]?)?|negr[oa]s?|noires?",
    "white": "white|weiß(?:e[rsnm]?)?|weiss(?:e[rsnm]?)?|blanc[oa]s?|blanches?",
    "red": "red|roj[oa]s?|rote[rsnm]?",
    "blue": "blue|blau(?:e[rsnm]?)?|azul|azules|bleue?s?",
    "green": "green|grün(?:e[rsnm]?)?|gruen(?:e[rsnm]?)?|vertes?",
    "yellow": "yellow|gelb(?:e[rsnm]?)?|amarill[oa]s?|jaunes?",
    "grey": "grey|gray|grau(?:e[rsnm]?)?|grise?s?",
    "brown": "brown|braun(?:e[rsnm]?)?|marrón|marron",
    "pink": "pink|rosado|rosada",
    "purple": "purple|lila|morado|morada|violette",
    "orange": "anaranjado|anaranjada",
    "beige": "beige",
    "turquoise": "turquoise|türkis|turquesa",
    "silver": "silbern|plateado|plateada|argenté",
    "gold": "dorado|dorada|doré",
    "multicolour": "multi-?colou?red|multi-?colou?r|mehrfarbig|multicolore?",
}
"""Words that are colours wherever they stand."""
SET_OFF_COLOURS: Mapping[str, str] = {
    "orange": "orange|naranja",
    "black": "noir",
    "gold": "gold|golden",
    "silver": "silver|silber",
    "pink": "rose|rosa",
    "purple": "violet|violett",
    "red": "rot|rouge|burgundy",
    "green": "olive|vert|verde",
    "blue": "navy|navy blue",
    "white": "blanc|ivory",
    "brown": "tan",
}
"""Words that are colours where marks set them off: they mean something else as often."""
SHADES = (
    "matte?|gloss|glossy|dark|light|bright|deep|pale|hot|jet|pure|solid|royal|sky|baby|forest|navy|heather|space|natural|classic"
    "|hell|dunkel"
)
"""Words before a colour that leave it one."""
CHINESE_COLOURS: Mapping[str, str] = {
    "black": "黑色",
    "white": "白色",
    "red": "红色",
    "blue": "蓝色",
    "green": "绿色",
    "yellow": "黄色",
    "grey": "灰色",
    "brown": "棕色|咖啡色",
    "pink": "粉红色|粉色",
    "purple": "紫色",
    "orange": "橙色",
    "silver": "银色",
    "gold": "金色",
}
"""Chinese has no blanks between words."""
MATERIALS: Mapping[str, str] = {
    "stainless steel": r"stainless[\s-]steel|edelstahl|acero\sinoxidable|acier\sinoxydable|inox",
    "cast iron": r"cast[\s-]iron|gusseisen|hierro\sfundido",
    "faux leather": r"faux[\s-]leather|pu[\s-]leather|vegan[\s-]leather|synthetic[\s-]leather|kunstleder|leatherette",
    "cotton": "cotton|baumwolle|algodón|coton",
    "wool": "wool|merino|wolle|schurwolle|laine",
    "silk": "silk|seide|soie",
    "leather": "leather|leder|cuero|cuir",
    "suede": "suede|wildleder",
    "denim": "denim",
    "polyester": "polyester",
    "nylon": "nylon",
    "fleece": "fleece",
    "velvet": "velvet|samt|terciopelo|velours",
    "cashmere": "cashmere|kaschmir",
    "canvas": "canvas",
    "steel": "steel|stahl|acero|acier",
    "aluminium": "alumini?um|aluminio",
    "brass": "brass|messing|laiton",
    "copper": "copper|kupfer|cobre|cuivre",
    "titanium": "titanium",
    "wood": "wooden|wood|holz|madera|bois|hardwood",
    "bamboo": "bamboo|bambus|bambú|bambou",
    "ceramic": "ceramic|keramik|cerámica|céramique|stoneware",
    "porcelain": "porcelain|porzellan|porcelana|porcelaine",
    "plastic": "plastic|kunststoff|plástico|plastique",
    "silicone": "silicone|silikon|silicona",
    "rubber": "rubber|gummi|caucho|caoutchouc",
    "gold": r"\d{1,2}\s?kt?\s(?:\w+\s)?gold|solid\s(?:\w+\s)?gold",
    "silver": r"sterling\ssilver|925\ssilver",
    "glass": r"glass\s(?:food\s)?jars?|glass\s(?:\w+\s)?bottles?|glass\svases?|glass\s(?:\w+\s)?bowls?|glass\s(?:\w+\s)?mugs?"
    r"|glass\s(?:food\s)?storage|glass\spitchers?|glass\steapots?|glass\stables?|glass\s(?:\w+\s)?containers?",
    "linen": r"linen\sshirts?|linen\spants|linen\sdress|linen\stablecloths?|linen\scurtains?|linen\snapkins?",
    "paper": r"paper\splates?|paper\scups?|paper\stowels?|paper\snapkins?|paper\s(?:\w+\s)?bags?|paper\sstraws?",
}
"""Words that are materials wherever they stand."""
SET_OFF_MATERIALS: Mapping[str, str] = {
    "glass": "glass|glas|vidrio|verre",
    "paper": "paper|papier|papel",
    "linen": "linen|leinen|lino|lin",
    "iron": "iron|eisen|hierro",
    "wool": "lana",
    "silk": "seda",
    "marble": "marble",
    "gold": "gold",
    "silver": "silver",
}
"""Words that are materials where marks set them off, or after `made of`."""
HOLDERS = (
    "stainless steel",
    "cast iron",
    "iron",
    "steel",
    "aluminium",
    "copper",
    "ceramic",
    "porcelain",
    "plastic",
    "silicone",
    "wood",
)
"""What things are made of that hold ounces or weigh some: no lotion has them for a scent."""
CHINESE_MATERIALS: Mapping[str, str] = {
    "stainless steel": "不锈钢",
    "cotton": "纯棉|全棉",
    "wool": "羊毛",
    "silk": "真丝",
    "leather": "真皮|皮革",
    "wood": "实木|木质",
    "bamboo": "竹制",
    "ceramic": "陶瓷",
    "plastic": "塑料",
    "glass": "玻璃",
    "silicone": "硅胶",
}
"""Chinese has no blanks between words."""
