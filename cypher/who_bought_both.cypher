// Who bought both of two products. A review counts as a purchase: User-WROTE-Review-ABOUT-Product.
// :param product => "B00005N7QG"
// :param other => "B00005N7OV"
MATCH (u:User)-[:BOUGHT|INTERACTED|WROTE|ABOUT*1..2]->(p:Product {id: $product})
MATCH (u)-[:BOUGHT|INTERACTED|WROTE|ABOUT*1..2]->(other:Product {id: $other})
RETURN DISTINCT u.id AS user
ORDER BY user
