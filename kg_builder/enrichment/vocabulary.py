"""The words that attributes are read by: what they are called in English, German, Spanish, French and Chinese.

Each table maps the name an attribute's value gets to the patterns of its words, separated by `|` (no `|` within a group).
"""

from collections.abc import Mapping

UNITS: Mapping[str, str] = {
    "fl oz": r"fl\.?\s?oz|fluid\sounces?",
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
    "in": r"inch(?:es)?",
}
"""Units of a size."""

LETTERS: Mapping[str, str] = {
    "SMALL": "S",
    "MEDIUM": "M",
    "LARGE": "L",
    "X-SMALL": "XS",
    "X-LARGE": "XL",
    "EXTRA SMALL": "XS",
    "EXTRA LARGE": "XL",
    "2XL": "XXL",
    "3XL": "XXXL",
}
"""Clothing sizes in words."""

COLOURS: Mapping[str, str] = {
    "black": "black|schwarz|negro|negra|noire",
    "white": "white|weiß|weiss|blanco|blanca|blanche",
    "red": "red|rojo|roja|rote[rs]?",
    "blue": "blue|blau|azul|bleue?",
    "green": "green|grün|gruen|verte",
    "yellow": "yellow|gelb|amarillo|amarilla|jaune",
    "grey": "grey|gray|grau|grise?",
    "brown": "brown|braun|marrón|marron",
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
# Green tea is not for sale in blue: kinds of food and set phrases.
NO_COLOUR = (
    r"(?i)\b(?:black|white|red|green|yellow|brown|blue|pink|purple|grey|gray)\s+"
    r"(?:tea|beans?|peas?|peppers?|onions?|potatoe?s?|wine|bread|rice|sugar|chocolate|cabbage|mushrooms?|meat|cheese|vinegar|salt"
    r"|eggs?|olives?|beans?|chil[ei]s?|berry|friday|house|belt|sabbath|bull|hat|box|eyed|planet|ray|noise|knight|day)\b"
)

MATERIALS: Mapping[str, str] = {
    "stainless steel": r"stainless[\s-]steel|edelstahl|acero\sinoxidable|acier\sinoxydable|inox",
    "cast iron": r"cast[\s-]iron|gusseisen|hierro\sfundido",
    "faux leather": r"faux[\s-]leather|pu[\s-]leather|vegan[\s-]leather|kunstleder|leatherette",
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
    "silver": "silver|sterling silver",
}
"""Words that are materials where marks set them off, or after `made of`."""
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
