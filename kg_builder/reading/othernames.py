"""Words by which a guess goes: names of columns in other languages, kinds of events, names of files, words about people."""

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

_USER = (
    "custid kunde kundennummer kundennr kundenid knr käufer nutzer nutzerid benutzer benutzerid cliente clienteid idcliente"
    " usuario usuarioid idusuario acheteur utilisateur utilisateurid idclient visiteur email customeremail"
)
_PRODUCT = (
    "prodid handle lineitemsku variantsku artikel artikelnummer artikelnr artikelid produkt produktid produktnummer produktnr"
    " producto productoid idproducto articulo artículo idarticulo produit produitid idproduit référence reference"
)
_AT = "datum zeit zeitpunkt zeitstempel wann erstelltam bestelldatum kaufdatum fecha fechapedido quand datecommande"
_KEY = (
    "bestellung bestellnummer bestellnr auftrag auftragsnummer rechnung rechnungsnummer beleg belegnr bon pedido pedidoid"
    " idpedido factura commande commandeid facture"
)
_PRICE = "regularprice variantprice lineitemprice preis einzelpreis verkaufspreis precio preciounitario prix prixunitaire"
FURTHER: Mapping[str, Mapping[str, str]] = {
    "products": {
        "id": f"{_PRODUCT} nr nummer",
        "title": "bezeichnung titel artikelname produktname nombre título titulo nom titre libellé désignation",
        "description": "bodyhtml beschreibung artikelbeschreibung langtext descripción descripcion",
        "price": _PRICE,
        "brand": "marke hersteller marca fabricante marque fabricant",
        "categories": "categorycode productcategoryname warengruppe kategorie kategorien categoría categoria categorías"
        " categorias catégorie catégories rubrique type",
        "also_bought": "auchgekauft zubehör",
    },
    "users": {"id": f"{_USER} nr nummer"},
    "reviews": {
        "user": _USER,
        "product": _PRODUCT,
        "rating": "reviewscore bewertung sterne note puntuación puntuacion estrellas étoiles",
        "title": "titel überschrift betreff título titulo titre",
        "text": "reviewcontent kommentar rezension texto comentario reseña texte commentaire avis",
        "at": _AT,
        "helpful": "hilfreich stimmen útil utile",
        "verified": "verifiziert verificado vérifié",
    },
    "events": {
        "user": _USER,
        "product": _PRODUCT,
        "event": "ereignis typ aktion vorgang evento acción accion tipo événement",
        "at": _AT,
        "key": _KEY,
        "quantity": "lineitemquantity menge anzahl stück stückzahl cantidad unidades quantité",
        "price": _PRICE,
        "discount": "rabatt nachlass descuento remise",
    },
    "categories": {
        "id": "kategorieid nr",
        "name": "bezeichnung kategorie nombre nom",
        "parent": "oberkategorie padre",
    },
}
"""What columns are called in German, Spanish and French, and in shop systems' exports; these count after those of columns.py."""
