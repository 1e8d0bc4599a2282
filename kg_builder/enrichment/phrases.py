"""Phrases in which a number, a colour or a material is none of the product's: what is found in them does not count."""

from kg_builder.enrichment.vocabulary import COLOURS, HOLDERS, MATERIALS, SET_OFF_COLOURS, SET_OFF_MATERIALS
from kg_builder.enrichment.words import alternatives, both

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


_COLOUR = alternatives([*COLOURS.values(), *SET_OFF_COLOURS.values()])
_MATERIAL = alternatives([*MATERIALS.values(), *SET_OFF_MATERIALS.values()])

# Jack, Max, Lee, Ray, Jordan and the like are left out: `3.5 mm jack, black`, `Pro Max Black`, `Lee Black Jeans`.
_FIRST_NAMES = (
    "aaron|adam|alan|alex|alexander|alice|amy|andrew|andy|angela|anna|anne|anthony|arthur|barbara|barry|ben|benjamin|betty"
    "|bob|bobby|brian|bruce|carl|carol|caroline|catherine|charles|charlie|chris|christina|christine|christopher|cilla|clint"
    "|craig|cynthia|dan|daniel|danielle|dave|david|dean|deborah|debbie|dee|dennis|derek|diana|diane|don|donald|donna"
    "|dorothy|douglas|ed|edward|elizabeth|ellen|emily|emma|eric|ernest|frank|fred|gary|gavin|george|gerald|gordon|graham"
    "|greg|gregory|harold|harry|helen|henry|holly|howard|hugh|ian|jacob|james|jamie|jane|janet|jason|jeff|jeffrey|jennifer"
    "|jeremy|jerry|jessica|jim|jimmy|joan|joe|john|johnny|jonathan|joseph|josh|joshua|judy|julia|julie|justin|karen|kate"
    "|kathleen|kathy|keith|kelly|ken|kenneth|kevin|kim|larry|laura|lauren|linda|lisa|louis|louise|lucy|margaret|maria|marie"
    "|mark|martha|martin|mary|matt|matthew|maureen|melissa|michael|michelle|mick|mike|nancy|natalie|nathan|neil|nicholas"
    "|nick|nicole|nigel|oliver|pamela|patricia|patrick|paul|peter|phil|philip|rachel|ralph|randy|rebecca|richard|rick|rita"
    "|rob|robert|roger|ron|ronald|ronnie|roy|russell|ruth|sam|samantha|samuel|sandra|sara|sarah|scott|sean|sharon|simon"
    "|sophie|stephanie|stephen|steve|steven|stuart|sue|susan|ted|teresa|terry|thomas|tim|timothy|tina|todd|tom|tony|tracy"
    "|vanessa|victor|victoria|vincent|virginia|walter|wayne|wendy|william|zoe"
)
_FOOD = (
    "tea|teas|beans?|peas?|peppers?|peppercorns?|onions?|potato(?:es)?|wine|bread|rice|sugar|chocolate|cabbage|mushrooms?"
    "|meat|cheese|vinegar|salt|eggs?|olives?|chil[ei]s?|berr(?:y|ies)|cherry|cherries|currants?|grapes?|grapefruit|lentils?"
    "|corn|mustard|curry|kidney|apples?|delicious|truffles?|fish|snapper|clover|algae|coffee|cheddar|american|angus"
    "|raspberry|raspberries|peach|plums?|kiwi|mango|lemonade|goddess|bell|leaf|seeds?|cumin|garlic|walnuts?|castor|maca"
    r"|cohosh|himalayan|lady|velvet\s(?:cake|cookie)|licorice|forest|cranberry|tomato(?:es)?|lettuce|squash|radish(?:es)?"
    "|asparagus|quinoa|flour|whole|sauce|salsa|gravy|ale|lager"
)
_NAMED = (
    "friday|house|box|sabbath|bull|eyed|planet|ray|noise|knight|day|beauty|sox|wing|hawk|hawks|widow|panther|ops|mirror"
    "|market|adam|magic|moon|river|swan|castle|butler|lives|history|holes?|lagoon|ridge|buffalo|diamond|apron|giant|works"
    "|mountain|lake|rabbit|stripe|label|dead|cross|heifer|hot|devils?|floyd|haze|rain|pages|submarine|dwarf|sparrow|lantern"
    "|arrow|hornet|bay|peter|tooth|board|screen|lights?|lasers?|switch(?:es)?|oak|cedar|maple|pine|ash|birch|gold|clay"
    r"|spots?|heads?|skin|eyes?|circles?|toner|shampoo|yeti|microphones?|rhino|eagle|jay|belly|is|was|and\sdecker"
)
NO_COLOUR = (
    rf"(?i)\b(?:{_FIRST_NAMES}|mr\.?|mrs\.?|ms\.?|dr\.?|sir|(?-i:[A-Z])\.)\s+(?:{_COLOUR})\b"
    rf"|\b(?:{_COLOUR})(?:\s+(?:\w+\s+)?(?:ltd|inc|llc|gmbh|corp|co|bros|brothers|press|publishing|records|studios|media)\b)"
    rf"|\b(?:{_COLOUR})[\s-]+(?:{_FOOD}|{_NAMED})\b"
    rf"|\bblack\s?(?:&|\+|and)\s?decker\b|\b(?:old\snavy|snow\swhite)\b|\b(?:baked|hash)\sbrown\b|\bwd\s(?:{_COLOUR})\b"
    rf"|\b(?:the|of|for|no|non|anti|not|never|goodbye)[\s-]+(?:(?:new|little|big|colou?r)\s)?(?:{_COLOUR})\b"
    rf"|\b(?:soft|warm|cool)\swhite\b|\bblack\ssoap\b|\b(?:wom[ae]n|m[ae]n|lady|girl|boy)\sin\s(?:{_COLOUR})\b"
)
"""Names of people and firms, kinds of food and wood, set phrases, what a thing is for or against."""

_TREATED = (
    "glues?|adhesive|cleaners?|cleaning|polish|polishing|conditioners?|stains?|fillers?|oils?|care|protectors?|protectant"
    "|wax|wash|detergent|screws?|drill|bits|blades?|chisels?|planers?|saws?|routers?|carving|burning|burner|working"
    "|workers?|pellets?|stoves?|dyes?|paints?|primer|repair|restorers?|balm|finish|finishing|varnish|deck|preservative"
    r"|sealers?|treatment|brightener|punch|awl|needles?|lathe|hole|smoke|smoked|fired|guitar\sstrings"
)
_SEEMING = "effect|look|like|grain|tones?|colou?r(?:ed)?|free|scent(?:ed)?|print(?:ed)?|inspired|style|bound"
_FLAVOUR = (
    "candy|milk|soap|cream|lotion|moisturi[sz]er|serum|shampoo|fragrance|peptides?|shoots?|charcoal|extract|water|vinegar|protein|aminos?"
    "|fresh|blossom|flowers?|seeds?|sugar|gum|matte|lipstick|foundation|gel|mousse|touch|smooth|therapy|oxide|road|surgery"
    "|underground|soul|magnolias|mountain|series|works|mist|bears?|stock|ducky|fit|tone"
)
NO_MATERIAL = (
    rf"(?i)\b(?:{_FIRST_NAMES}|mr\.?|mrs\.?|ms\.?|dr\.?|sir|(?-i:[A-Z])\.)\s+(?:{_MATERIAL})\b"
    rf"|\b(?:{_MATERIAL})(?:\s+(?:and|&)\s+\w+)?[\s-]+(?:{_TREATED})\b"
    rf"|\b(?:{_MATERIAL})[\s-]+(?:{_SEEMING}|{_FLAVOUR}|(?:and|&)\s(?:sons|co|lace)|ltd|inc|llc|gmbh)\b"
    rf"|\b(?:for|on|of|like|the|no|non)[\s-]+(?:(?:all|real|fine|natural|smooth)\s)?(?:{_MATERIAL})"
    rf"(?:(?:\s?,|\s(?:and|or)|\s?&|\s?/)\s?(?:{_MATERIAL}))*\b"
    rf"|\b(?:faux|imitation|artificial|simulated|norwegian)\s(?:wood|silk|suede|linen|wool|marble|glass|rattan)\b"
    rf"|\bsteel\swool\b"
)
"""Names of people and firms, what a thing is for, seems or smells of."""

SOFT = alternatives(words for name, words in both(MATERIALS, SET_OFF_MATERIALS).items() if name not in HOLDERS)
"""Materials that a text about ounces and litres tells for a scent or a taste."""

COSMETIC = (
    r"(?i)\b(?:hair\s?colou?r|hair\s?dye|powder(?:\s?[,(/-]|\s?$|\s(?:foundation|blush))|foundation|eye\s?shadow|eye\s?liner|concealer"
    r"|(?:face|hand|eye|body|day|night|foot|skin|hair|bb|cc)\s(?:\w+\s)?cream|cream\sblush|cr[eè]me|lipstick|lip\s(?:gloss|stain|balm)"
    r"|blush|bronzer|mascara|nail\s(?:polish|colou?r|lacquer)|lotion|moisturi[sz]er|serum|shampoo|hair\sconditioner|perfume|cologne|eau\sde|facial"
    r"|(?:face|eye)\smask)(?:$|\W)"
)
"""What is put on skin or hair: porcelain, copper and canvas are shades of it."""

WORK = (
    rf"(?i)\bby\s(?:{_FIRST_NAMES}|jack)\s(?:[a-z]\.\s?)?[a-z]+\s*$|"
    r"\b(?:paperback|hardcover|board\sbook|audiobook|audio\scd|kindle\sedition|novels?|soundtrack|memoir|biography|journal\sof"
    r"|trilogy|magazine\ssubscription|(?:season|volume|vol\.?|episode|issue)\s\d+|greatest\shits|book\s\d+|the\sbook|penguin\sclassics)\b"
    r"|[\[(](?:vinyl|dvd|blu-?ray|cd|import)[\])]|\b(?:dvd|cd|lp|magazine)$"
    r"|[-(\[]\s?(?:playstation|ps[2345]|xbox|nintendo|wii|pc)(?:\s\w+)?\s?[)\]]?$"
)
"""A book, a record, a film or a game: its title tells of other things than itself."""
WORK_CATEGORY = (
    r"(?i)(?:^|>\s)(?:digital\s|children'?s\s|comic\s)?(?:books?|e-?books?|magazines?|music|movies?|films?|dvds?|cds?|vinyl|kindle|comics?"
    r"|newspapers?|audible|novels?|fiction|literature)(?:$|\s?[&,;/|>-]|\s(?:subscriptions?|store|and)\b)"
)
"""The name of a category of these, or the path to it as its id."""
