// Speaks to the shop with the WebSocket of Gorilla, and prints what it is sent.

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	visit, order, address := os.Args[1], os.Args[2], os.Args[3]
	header := http.Header{"traceparent": {visit}}
	socket, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/shop", header)
	must(err)
	defer socket.Close()

	var greeting, answer map[string]any
	must(socket.ReadJSON(&greeting))
	meta := map[string]string{"traceparent": order}
	must(socket.WriteJSON(map[string]any{"want": "milk", "_meta": meta}))
	must(socket.ReadJSON(&answer))

	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	must(socket.WriteMessage(websocket.CloseMessage, goodbye))
	if _, _, err = socket.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		panic(err)
	}
	told, err := json.Marshal([]any{greeting, answer})
	must(err)
	fmt.Println(string(told))
}
