"""The benchmark of a cluster: two servers over Redis, Windsock's beside Node's; and the workers of one host."""
