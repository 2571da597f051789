from __future__ import annotations

import os

from fastapi import APIRouter, FastAPI, WebSocket

app = FastAPI()
router = APIRouter(prefix="/ws")


@app.get("/")
async def edition() -> str:
    return "first edition"


@router.websocket("/{room}")
async def room(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"{text} from {os.getpid()}")


app.include_router(router)
