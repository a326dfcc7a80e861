package loadbalance

// Graph is an undirected connected graph of subdomains, numbered from 0. It does
// not change and may be shared.
type Graph struct {
	nodes int
	edges [][2]int
}

// Nodes is the number of subdomains.
func (g *Graph) Nodes() int { return g.nodes }

// Edges lists the edges in the order in which flows are given; not to be changed.
func (g *Graph) Edges() [][2]int { return g.edges }
