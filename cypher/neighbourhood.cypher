// What stands one step around a product: its categories, its brand, and what is bought or viewed with it.
// :param product => "B00005N7QG"
MATCH (p:Product {id: $product})-[:IN_CATEGORY|MADE_BY|ALSO_BOUGHT|ALSO_VIEWED|BOUGHT_TOGETHER]->(other)
WITH DISTINCT p, other
RETURN other.id AS id,
       coalesce(other.title, other.name) AS name,
       EXISTS { MATCH (p)-[:IN_CATEGORY]->(other) } AS category,
       EXISTS { MATCH (p)-[:MADE_BY]->(other) } AS brand,
       EXISTS { MATCH (p)-[:ALSO_BOUGHT|BOUGHT_TOGETHER]->(other) } AS bought_with_it,
       EXISTS { MATCH (p)-[:ALSO_VIEWED]->(other) } AS viewed_with_it
ORDER BY category DESC, brand DESC, id
