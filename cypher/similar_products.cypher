// What a model finds similar to a product, and what the graph says the two share.
// Needs SIMILAR_TO edges: graphrec write-back MODEL STORE.
// :param product => "B00005N7QG"
MATCH (p:Product {id: $product})-[s:SIMILAR_TO]->(other:Product)
RETURN s.model AS model, other.id AS product, other.title AS title, s.score AS score,
       EXISTS { MATCH (p)-[:MADE_BY]->(:Brand)<-[:MADE_BY]-(other) } AS same_brand,
       EXISTS { MATCH (p)-[:IN_CATEGORY]->(:Category)<-[:IN_CATEGORY]-(other) } AS same_category,
       COUNT { MATCH (p)<-[:BOUGHT|INTERACTED|WROTE|ABOUT*1..2]-(:User)-[:BOUGHT|INTERACTED|WROTE|ABOUT*1..2]->(other) } AS chosen_together
ORDER BY model, score DESC, product
