package telemetry

import "github.com/prometheus/client_golang/prometheus"

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// metric is the head of one metric. Labels are separated by spaces.
type metric struct {
	name   string
	kind   prometheus.ValueType
	labels string
	help   string
}

// metrics lists every metric of ours. docs/METRICS.md is made from it.
var metrics = [...]metric{
	// By GoBGP's names; peer is the address.
	{"bgp_peer_state", gauge, "peer session_state admin_state", "1, with the state of the session as a label."},
	{"bgp_peer_uptime", gauge, "peer", "When the session came up, in Unix time as GoBGP has it, not a duration; 0 without a session."},
	{"bgp_peer_asn", gauge, "peer router_id", "AS number of the peer."},
	{"bgp_peer_local_asn", gauge, "peer router_id", "AS number the peer knows us by, with our router ID."},
	{"bgp_peer_type", gauge, "peer", "0 for iBGP, 1 for eBGP."},
	{"bgp_peer_password_set", gauge, "peer", "1 if the session has a TCP-MD5 password."},
	{"bgp_peer_flop_count", counter, "peer", "Sessions with the peer that ended."},
	{"bgp_peer_out_queue_count", gauge, "peer", "Batches of changes that the peer was not given yet."},
	{"bgp_routes_received", gauge, "peer route_family", "Routes the peer announces."},
	{"bgp_routes_accepted", gauge, "peer route_family", "Routes of them that may be used."},
	{"bgp_routes_advertised", gauge, "peer route_family", "Routes the peer is sent, and those it would be if their attributes fit in a message of its."},
	{"bgp_received_message_total", counter, "peer", "Messages received."},
	{"bgp_received_open_total", counter, "peer", "OPEN messages received."},
	{"bgp_received_update_total", counter, "peer", "UPDATE messages received."},
	{"bgp_received_withdraw_update_total", counter, "peer", "UPDATE messages received that withdraw something."},
	{"bgp_received_notification_total", counter, "peer", "NOTIFICATION messages received."},
	{"bgp_received_keepalive_total", counter, "peer", "KEEPALIVE messages received."},
	{"bgp_received_refresh_total", counter, "peer", "ROUTE-REFRESH messages received."},
	{"bgp_received_discarded_total", counter, "peer", "UPDATE messages received with a fault, whatever it cost."},
	{"bgp_sent_message_total", counter, "peer", "Messages sent."},
	{"bgp_sent_open_total", counter, "peer", "OPEN messages sent."},
	{"bgp_sent_update_total", counter, "peer", "UPDATE messages sent."},
	{"bgp_sent_notification_total", counter, "peer", "NOTIFICATION messages sent."},
	{"bgp_sent_keepalive_total", counter, "peer", "KEEPALIVE messages sent."},
	{"bgp_sent_refresh_total", counter, "peer", "ROUTE-REFRESH messages sent."},

	// Of each peer.
	{"heddle_peer_info", gauge, "peer name role rack kind source", "1, with what the inventory says of the peer: join it on peer."},
	{"heddle_peer_state_since_timestamp_seconds", gauge, "peer", "When the peer came into its state."},
	{"heddle_peer_received_bytes_total", counter, "peer", "Octets of BGP received."},
	{"heddle_peer_sent_bytes_total", counter, "peer", "Octets of BGP sent."},
	{"heddle_peer_walking", gauge, "peer", "1 while the peer is so far behind that it walks the table instead of following the log."},
	{"heddle_peer_bfd_up", gauge, "peer", "1 while BFD has the path to the peer up; absent if the path is not watched."},
	{"heddle_peer_bfd_flaps_total", counter, "peer", "Times that BFD had the path up and then not any more."},
	{"heddle_peer_bfd_detection_seconds", gauge, "peer", "How long the peer may be silent before the path counts as broken; 0 while it is not heard."},
	{"heddle_peer_stale", gauge, "peer route_family", "1 while the peer restarts and its routes are kept, for long or not."},
	{"heddle_peer_long_lived_stale", gauge, "peer route_family", "1 while the peer's routes are kept beyond its restart time, as the last resort (RFC 9494)."},
	{"heddle_peer_looped_total", counter, "peer", "Announcements dropped as loops: our own ORIGINATOR_ID, CLUSTER_LIST or AS_PATH."},
	{"heddle_peer_discarded_attributes_total", counter, "peer", "Attributes received that --discard-attributes names: they are not passed on."},
	{"heddle_peer_malformed_updates_total", counter, "peer attribute consequence", "UPDATEs with a fault, by the worst of each and what RFC 7606 makes of it."},

	// Of the tables.
	{"heddle_table_prefixes", gauge, "route_family", "Prefixes with at least one path."},
	{"heddle_table_paths", gauge, "route_family", "Paths of all peers."},
	{"heddle_table_tombstones", gauge, "", "Prefixes that are gone and that a slow peer may have to be told of."},
	{"heddle_table_attribute_sets", gauge, "", "Different sets of path attributes."},
	{"heddle_table_version", gauge, "", "Number of the latest batch of changes."},
	{"heddle_update_groups", gauge, "", "Update groups: sets of peers that hear the same."},
	{"heddle_update_group_members", gauge, "group", "Peers in the group."},
	{"heddle_update_group_walking_members", gauge, "group", "Peers of the group that fell off its log."},
	{"heddle_update_group_log_bytes", gauge, "group", "Encoded messages kept for the slower members."},
	{"heddle_update_group_routes", gauge, "group route_family", "Routes a member hears that announces none itself."},
	{"heddle_flushes_total", counter, "", "Batches of changes that peers were told of."},
	{"heddle_snapshots_total", counter, "", "Whole tables encoded, each for any number of peers that joined or asked again."},
	{"heddle_log_falls_total", counter, "", "Times that a peer fell off the log of its group."},
	{"heddle_walk_steps_total", counter, "", "Pieces of table given to peers that walk it."},
	{"heddle_refreshes_answered_total", counter, "", "Route refreshes answered."},
	{"heddle_overflow_withdrawals_total", counter, "", "Routes withdrawn because their attributes exceed a message (RFC 8654)."},
	{"heddle_session_panics_total", counter, "", "Panics that ended one session each: defects of ours, in the log with stack and octets."},
	{"heddle_refused_connections_total", counter, "", "Connections from addresses that are no peer's."},

	// Of racks.
	{"heddle_rack_routes", gauge, "rack class", "Routes by what they are to the rack: at home in it (in-rack), living in it and at home elsewhere or nowhere (exception-in), at home in it and living elsewhere (exception-out)."},
	{"heddle_rack_summaries", gauge, "rack", "Summaries that exist of pools at home in the rack."},
	{"heddle_rack_told_on", gauge, "rack", "Routes that the rack's ToRs tell the fabric: summaries, exceptions that live there, and what is not summarised."},
	{"heddle_rack_route_budget", gauge, "rack", "Routes each ToR of the rack has room for, as the inventory says."},
	{"heddle_tor_routes", gauge, "rack peer", "Routes the ToR is sent, of both families."},
	{"heddle_ghost_routes", gauge, "", "Routes inside pools that hosts announce without a workload of theirs in the inventory."},
	{"heddle_black_holes", gauge, "", "Addresses of live workloads that nobody announces from their node."},
	{"heddle_disputed_addresses", gauge, "", "Addresses that several hosts announce, and no evidence says which is right."},

	// Of the inventory.
	{"heddle_inventory_withheld", gauge, "", "Deletions and changes that etcd has and that are not carried out."},
	{"heddle_inventory_frozen", gauge, "", "1 while they wait for heddle accept or heddle reject."},
	{"heddle_inventory_saved_age_seconds", gauge, "", "Age of the inventory in force, while it is the one that was kept on disk."},
	{"heddle_inventory_revision", gauge, "", "Revision of the inventory in force."},
	{"heddle_problems", gauge, "area", "Problems a person should mend, as `heddle show problems` lists them."},
	{"heddle_etcd_connected", gauge, "", "1 while the inventory is followed live."},
	{"heddle_etcd_last_contact_age_seconds", gauge, "", "Time since etcd was last heard of."},
	{"heddle_etcd_keys", gauge, "", "Keys of the inventory."},
	{"heddle_etcd_relists_total", counter, "", "Interruptions that ended, each with a listing."},
	{"heddle_etcd_errors_total", counter, "", "Interruptions and failed attempts to end one."},
	{"heddle_etcd_mismatches_total", counter, "", "Keys the watch had wrong when it was held against a listing: a defect of the datastore."},
	{"heddle_build_info", gauge, "version commit goversion", "1, with the build as labels."},
}
