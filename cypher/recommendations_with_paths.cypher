// What was recommended to a user, and the paths of the graph that lead there from what the user chose.
// Needs RECOMMENDED edges: graphrec write-back MODEL STORE.
// :param user => "A3JPFWKS83R49V"
MATCH (u:User {id: $user})-[r:RECOMMENDED]->(p:Product)
MATCH (u)-[:BOUGHT|INTERACTED|WROTE|ABOUT*1..2]->(chosen:Product)
WHERE chosen.id <> p.id
WITH DISTINCT r.model AS model, r.rank AS rank, p, chosen
WITH model, rank, p, chosen,
     EXISTS { MATCH (chosen)-[:ALSO_BOUGHT|BOUGHT_TOGETHER]-(p) } AS bought_together,
     EXISTS { MATCH (chosen)-[:MADE_BY]->(:Brand)<-[:MADE_BY]-(p) } AS same_brand,
     EXISTS { MATCH (chosen)-[:IN_CATEGORY]->(:Category)<-[:IN_CATEGORY]-(p) } AS same_category
WHERE bought_together OR same_brand OR same_category
RETURN model, rank, p.id AS product, p.title AS title, chosen.id AS because_of, bought_together, same_brand, same_category
ORDER BY model, rank, product, because_of
