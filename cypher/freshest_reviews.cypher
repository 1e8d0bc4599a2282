// The newest reviews of a product.
// :param product => "B00005N7QG"
// :param k => 5
MATCH (u:User)-[:WROTE]->(r:Review)-[:ABOUT]->(p:Product {id: $product})
WHERE r.at IS NOT NULL
RETURN r.day AS day, u.id AS user, r.rating AS rating, r.title AS title, r.text AS text
ORDER BY r.at DESC, r.id
LIMIT $k
