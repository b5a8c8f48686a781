// Package client speaks to a Kopilka server: the words of /v1 as Go types.
//
//	c := &client.Client{URL: "http://127.0.0.1:8080", Key: "kpk_…"}
//	a, err := c.Receipt(client.Receipt{
//		ID: "S01-T1-4711", Buyer: client.ByCard("2900000000018"),
//		Deed: client.Deed{Store: "S01", Till: "T1", ReceiptNo: "4711"},
//		Amount: 129_90, Redeem: client.Max,
//	})
//
// A refusal or a bad request is a *Problem, with the code of the reference:
//
//	var p *client.Problem
//	if errors.As(err, &p) && p.Code == "insufficient-points" { … p.Available … }
//
// A command is safe to send again: its id makes it count once, whatever was
// lost on the way. The client itself repeats a request, with the same id, when
// the server could not be reached and when it answered 503 or 429; every other failure
// of the network comes back as an error, and whether the command counted is then
// not known (ErrUnknown) until it is sent once more with the same id.
package client
