// Products on the shelf that nobody ever chose, those that other products lead to first.
// :param k => 20
MATCH (p:Product)
WHERE p.listed AND NOT EXISTS { MATCH (p)<-[:BOUGHT|INTERACTED|ABOUT]-() }
WITH p, COUNT { MATCH (:Product)-[:ALSO_BOUGHT|ALSO_VIEWED|BOUGHT_TOGETHER]->(p) } AS leading_here
RETURN p.id AS product, p.title AS title, p.price AS price, leading_here
ORDER BY leading_here DESC, product
LIMIT $k
