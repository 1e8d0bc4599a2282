"""Words by which a guess goes: of kinds of events, in names of files, in names of columns about people."""

from collections.abc import Mapping

_EVENTS = {
    "viewed": "viewed view views click clicked clicks detail pageview page_view impression product_view view_item pv ansicht"
    " angesehen klick aufruf visto vista visualización vue vu consultation clic",
    "carted": "carted cart addtocart add_to_cart add-to-cart basket cart_add fav warenkorb in_den_warenkorb korb carrito añadido"
    " panier ajout_panier",
    "bought": "bought buy purchase purchased transaction order ordered sale sold checkout kauf gekauft verkauf bestellt"
    " bestellung compra comprado pedido venta achat acheté commande vente",
    "interacted": "interacted interaction interact rating rated interaktion",
}
EVENTS: Mapping[str, str] = {word: kind for kind, words in _EVENTS.items() for word in words.split()}
"""Values of a column with kinds of events, and the kind."""

_BOUGHT = (
    "order orders transaction transactions purchase purchases sale sales verkauf verkäufe verkaeufe bestellung bestellungen"
    " pedido pedidos commande commandes venta ventas vente ventes basket baskets invoice invoices lineitems kauf käufe"
)
_KINDS = {"bought": _BOUGHT, "viewed": "click clicks view views", "carted": "cart carts"}
KINDS: Mapping[str, str] = {word: kind for kind, words in _KINDS.items() for word in words.split()}
"""Names of files in which all events are of one kind, and the kind."""

_TABLES = {
    "products": "product products item items article articles artikel goods catalog catalogue sku skus produkt produkte producto"
    " productos produit produits movie movies book books inventory sortiment articulo articulos meta metadata",
    "users": "user users customer customers kunde kunden client clients cliente clientes member members nutzer usuario usuarios"
    " utilisateur utilisateurs visitor visitors account accounts household households demographics buyers",
    "reviews": "review reviews bewertung bewertungen rezension rezensionen reseña reseñas resenas avis feedback comments",
    "events": f"{_BOUGHT} event events click clicks interaction interactions log logs view views cart carts behavior behaviour"
    " rating ratings train activity",
    "categories": "category categories kategorie kategorien categoria categorias categoría categorías catégories taxonomy tree"
    " warengruppen",
    "triples": "kg triples graph relations knowledge",
}
TABLES: Mapping[str, frozenset[str]] = {table: frozenset(words.split()) for table, words in _TABLES.items()}
"""Words in the names of files that hold rows of a table."""

_PERSONS = (
    "email mail city stadt ort ciudad ville age alter edad gender sex geschlecht genero birthday birthdate birthyear geburtstag"
    " firstname lastname surname vorname nachname nombre apellido prenom country land pais pays phone telefon zip plz postcode"
    " zipcode postal address adresse strasse straße newsletter segment income language sprache registered signup member since"
    " state region occupation"
)
PERSONS = frozenset(_PERSONS.split())
"""Words in the names of columns about people."""
_GENERIC = "id nr nummer name nom nombre title label type typ tipo key s r p o t h to from"
GENERIC = frozenset(_GENERIC.split())
"""Words that mean something only as a whole name: `store_id` is no id of a product."""
