// Pairs of brands that the same people buy, the closest first.
// :param k => 20
MATCH (one:Brand)<-[:MADE_BY]-(:Product)<-[:BOUGHT|INTERACTED|WROTE|ABOUT*1..2]-(u:User)
WITH DISTINCT one, u
MATCH (u)-[:BOUGHT|INTERACTED|WROTE|ABOUT*1..2]->(:Product)-[:MADE_BY]->(other:Brand)
WHERE one.id < other.id
WITH one.id AS brand, other.id AS other_brand, count(DISTINCT u.id) AS buyers
RETURN brand, other_brand, buyers
ORDER BY buyers DESC, brand, other_brand
LIMIT $k
