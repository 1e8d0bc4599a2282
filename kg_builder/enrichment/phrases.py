"""Phrases in which a number or a colour is none of the product's: what is found in them does not count."""

NO_SIZE = (
    r"(?i)\b(?:holds?|fits|supports?|up\sto|capacity|water\s?proof|resistant)\s+(?:of\s|to\s|up\sto\s)?[\d.,/]+"
    r"|\b\d{2}[\s-]?ga\b|\b(?:[345]|2\.4)g\b|\btwin[\s-]?xl\b|\b\d+\s?g\s(?:of\s)?(?:protein|fib(?:er|re)|sugar|carbs|fat)\b"
)
"""What a thing holds or withstands, the gauge of a wire, a telephone net, a mattress, what is in a bar."""

NO_COUNT = (
    r"(?i)\b(?:holds?|fits|for|up\sto|makes|no\.?|omega|vitamin\s[a-z]|level|series|stage|step|phase|part|vol\.?|volume|version"
    r"|season|grade|model|route|type)\s(?:up\sto\s)?\d+(?:\s?-\s?\d+)?"
    r"|\b\d+\s?ct\.?\s(?:t\.?w|diamond|(?:white\s|yellow\s|rose\s)?gold|ruby|sapphire|emerald)"
    r"|\b(?:two|three|[23])[\s-]?pieces?\s(?:swim|bathing|bikini|suit)"
    r"|\b\d+\s?[x×]\s?\d+\s?[x×]\s?\d+"
    r"|\b\d[\d,]*\s?-?(?:pcs?|pieces?)\b.*\b(?:puzzle|jigsaw|lego)\b|\b(?:puzzle|jigsaw|lego)\b.*"
    r"|\bsize\s\d+\s(?:diapers|nappies|pads|tampons|batteries)\b"
    r"|\b\d+\s(?:sheets|tissues|wipes)\s(?:per|each|a)\b"
)
"""What things hold or are called; carats of a diamond, pieces of a suit and of a puzzle."""

# Green tea is not for sale in blue: kinds of food and set phrases.
NO_COLOUR = (
    r"(?i)\b(?:black|white|red|green|yellow|brown|blue|pink|purple|grey|gray)\s+"
    r"(?:tea|beans?|peas?|peppers?|onions?|potatoe?s?|wine|bread|rice|sugar|chocolate|cabbage|mushrooms?|meat|cheese|vinegar|salt"
    r"|eggs?|olives?|beans?|chil[ei]s?|berry|friday|house|belt|sabbath|bull|hat|box|eyed|planet|ray|noise|knight|day)\b"
)

COSMETIC = (
    r"(?i)\b(?:hair\s?colou?r|hair\s?dye|powder|foundation|eye\s?shadow|eye\s?liner|concealer|lipstick|lip\s(?:gloss|stain|balm)|blush"
    r"|bronzer|mascara|lacquer|nail\s(?:polish|colou?r)|lotion|serum|cream|shampoo|conditioner|perfume|cologne|eau\sde|facial|face\smask)\b"
)
"""What is put on skin or hair: porcelain, copper and canvas are shades of it."""
